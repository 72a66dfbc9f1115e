"""Any two samples compared: what is one is at its floor, what is not is far from it, what cannot be is refused."""

from pathlib import Path

import pytest

from onshell.core.errors import OnshellError
from onshell.core.rng import stream
from onshell.evaluation.comparing import Comparison, check_comparable, compare_events, read_sample
from onshell.evaluation.metrics_text import lines
from onshell.events.table import write_events
from onshell.physics import generators, rambo

LHE = Path(__file__).parents[1] / "data" / "qqg_200.lhe.gz"
FEW = Comparison(replicates=4, classified=2)


def table(path, generator, *, n=600, n_particles=3, seed=1, **metadata):
    """Write truth of a generator, and return its path."""
    p = generators.events(generator, n, seed=seed, name=(path.stem,), n_particles=n_particles)
    write_events(path, [p], {"process": generator, "generator": generator, **metadata})
    return path


def test_one_law_is_at_its_floor_and_two_are_not(tmp_path):
    a, b = (read_sample(table(tmp_path / f"{name}.parquet", "muon")) for name in "ab")
    same = compare_events(a, b, FEW)
    assert same["all"]["worst"]["value"] < 4
    other = read_sample(table(tmp_path / "c.parquet", "uniform", process="muon"))
    far = compare_events(other, b, FEW)
    assert far["observables"]["E_3"]["w1"] > 3 * far["observables"]["E_3"]["floor_w1_mean"]
    assert far["features"]["boosted"]["auc"]["mean"] > 0.55
    text = "\n".join(lines(far, "c", "b"))
    assert "c (600 events) beside b (600 events)" in text
    assert "AUC, boosted trees" in text
    assert compare_events(a, b, FEW) == same


def test_a_les_houches_file_is_compared_as_a_table_is(tmp_path):
    ours = read_sample(LHE)
    assert ours.n_particles == 3
    theirs = read_sample(table(tmp_path / "u.parquet", "uniform"))
    found = compare_events(ours, theirs, FEW)
    assert found["observables"]["log10_tau"]["w1_over_floor"] > 3


def test_what_cannot_be_compared_is_one_line(tmp_path):
    a, b = table(tmp_path / "a.parquet", "muon"), table(tmp_path / "b.parquet", "uniform", n_particles=4)
    with pytest.raises(OnshellError, match=r"a\.parquet: events of 3 particles, .*b\.parquet of 4"):
        check_comparable((a, b), read_sample(a), read_sample(b))
    q = rambo.sample_prior(10, 3, stream(1, "comparing"))
    write_events(tmp_path / "q.parquet", [q], {}, space="q")
    with pytest.raises(OnshellError, match=r"q\.parquet: holds points of q-space"):
        read_sample(tmp_path / "q.parquet")
    with pytest.raises(OnshellError, match=r"none\.parquet: cannot be read"):
        read_sample(tmp_path / "none.parquet")
    one, two = read_sample(LHE), read_sample(LHE)
    two.metadata["lhe"]["e_cm"] = [91.2, 91.2]
    with pytest.raises(OnshellError, match="compare events of one energy"):
        check_comparable((LHE, LHE), one, two)
