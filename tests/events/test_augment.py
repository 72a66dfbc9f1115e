"""Embeddings: every row lies over its truth event, in the frame that the table says."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from onshell.core.errors import OnshellError
from onshell.events import augment
from onshell.events.augment import AUGMENTATIONS, embed, embed_chunks, fills_fibre, frames
from onshell.events.table import Events
from onshell.physics import generators, rambo

N_EVENTS = 503
ALPHA = 1e-6
"""False-alarm rate of each statistical test."""

PUBLISHED = {"copies": 1, "by_process": {"aps": {"b": [-0.0732, 0.2644, -0.1534], "x": 0.0846}}}
SPECS = [*AUGMENTATIONS.items(), ("published", PUBLISHED)]


@pytest.fixture(scope="module", params=[3, 10])
def p(request):
    """Return uniform events of 3 and of 10 particles."""
    return generators.events("uniform", N_EVENTS, seed=3, name=("augment",), n_particles=request.param)


def frames_of(events):
    """Return b [n, 3] and x [n] of every row, as the columns or else the metadata of `events` say."""
    if "x" in events.columns:
        b = np.stack([events.columns[name] for name in ("bx", "by", "bz")], 1)
        return torch.from_numpy(b), torch.from_numpy(events.columns["x"])
    augmentation = events.metadata["augmentation"]
    assert len(augmentation["b"]) == len(augmentation["x"]) == 1
    n = len(events)
    b, x = (torch.tensor(augmentation[key], dtype=torch.float64) for key in ("b", "x"))
    return b.expand(n, 3), x.expand(n)


@pytest.mark.parametrize(("name", "spec"), SPECS)
def test_every_row_lies_over_its_truth_event_in_the_frame_of_the_table(p, name, spec):
    events = embed(p, spec, name=name, process="aps", seed=5)
    assert events.momenta.dtype == torch.float64
    assert len(events) == N_EVENTS
    assert events.space == "q"
    back = rambo.to_p(events.momenta)
    assert (back - p[torch.from_numpy(events.columns["event"])]).abs().max() < 1e-12
    b, x = rambo.frame(events.momenta)
    of_table_b, of_table_x = frames_of(events)
    assert (x / of_table_x - 1).abs().max() < 1e-11
    assert ((b - of_table_b).norm(dim=1) / (1 + of_table_b.norm(dim=1))).max() < 1e-11
    if name == "continuous":
        assert events.metadata["augmentation"]["b"] is events.metadata["augmentation"]["x"] is None
        assert len(np.unique(events.columns["x"])) == N_EVENTS
        assert np.array_equal(events.columns["event"], np.arange(N_EVENTS))
    # Only a frame for each event fills the fibre.
    assert fills_fibre(events.metadata["augmentation"]) is (name == "continuous")
    assert fills_fibre(None) is fills_fibre({}) is None


def test_identity_is_the_truth_itself(p):
    assert torch.equal(embed(p, AUGMENTATIONS["identity"]).momenta, p)


@pytest.mark.parametrize("copies", [1, 2, 10, 7, 2000])
def test_copies_share_the_first_events_and_keep_the_size(p, copies):
    events = embed(p, {"copies": copies}, name="many", process="uniform")
    used = math.ceil(N_EVENTS / copies)
    assert len(events) == N_EVENTS
    assert np.array_equal(np.unique(events.columns["event"]), np.arange(used))
    augmentation = events.metadata["augmentation"]
    assert len(augmentation["b"]) == len(augmentation["x"]) == copies
    assert len({tuple(b) for b in augmentation["b"]}) == copies
    if copies == 1:
        assert set(events.columns) == {"event"}
        return
    assert set(events.columns) == {"event", "copy", "bx", "by", "bz", "x"}
    copy = events.columns["copy"]
    assert np.array_equal(events.columns["event"] * copies + copy, np.arange(N_EVENTS))
    assert np.array_equal(events.columns["x"], np.array(augmentation["x"])[copy])
    assert np.array_equal(events.columns["by"], np.array(augmentation["b"])[copy, 1])


def test_a_published_frame_holds_for_its_process_alone():
    options = {"name": "single", "n_particles": 10, "seed": 5}
    published = frames(PUBLISHED, process="aps", **options)
    assert published.b.tolist() == [[-0.0732, 0.2644, -0.1534]]
    assert published.x.tolist() == [0.0846]
    assert published.metadata()["spec"] == {"b": [-0.0732, 0.2644, -0.1534], "x": 0.0846}
    other = frames(PUBLISHED, process="uniform", **options)
    plain = frames({"copies": 1}, process="uniform", **options)
    assert torch.equal(other.b, plain.b)
    assert other.metadata() == plain.metadata()


def test_frames_depend_on_seed_process_and_augmentation_alone():
    options = {"name": "single", "process": "qqg", "n_particles": 3, "seed": 5}
    first = frames({"copies": 1}, **options)
    assert torch.equal(first.x, frames({"copies": 1}, **options).x)
    for change in ({"name": "other"}, {"process": "muon"}, {"seed": 6}):
        assert not torch.equal(first.x, frames({"copies": 1}, **{**options, **change}).x)


@pytest.mark.parametrize("spec", [{"copies": 1}, {"copies": 2}, {"copies": 10}, {"per_event": True}])
@pytest.mark.parametrize("size", [7, 100, 1000])
def test_rows_do_not_depend_on_the_pieces_of_truth(p, spec, size, monkeypatch):
    monkeypatch.setattr(augment, "ROWS", 64)
    weight = np.linspace(1, 2, N_EVENTS)
    event = np.arange(N_EVENTS)
    chosen = frames(spec, name="a", process="uniform", n_particles=p.shape[1], seed=5)
    columns = {"event": event, "weight": weight}
    whole = embed(Events(p, columns), spec, name="a", process="uniform", seed=5)
    pieces = (
        Events(p[k : k + size], {name: values[k : k + size] for name, values in columns.items()})
        for k in range(0, N_EVENTS, size)
    )
    q, parts = zip(*embed_chunks(pieces, chosen, N_EVENTS), strict=True)
    assert torch.equal(torch.cat(q), whole.momenta)
    for name, values in whole.columns.items():
        assert np.array_equal(np.concatenate([part[name] for part in parts]), values)
    assert np.array_equal(whole.columns["weight"], weight[whole.columns["event"]])


@pytest.mark.parametrize("n_particles", [3, 10])
def test_the_law_of_the_frames(n_particles):
    # The frames of a RAMBO point: Q0 = gamma/x is Gamma(2N), b^2/(1+b^2) is Beta(3/2, N-1), the direction isotropic.
    p = generators.events("uniform", 20_000, seed=4, name=("law",), n_particles=n_particles)
    b, x = frames_of(embed(p, {"per_event": True}, process="law", seed=6))
    b2 = (b * b).sum(1)
    assert stats.kstest(((1 + b2).sqrt() / x).numpy(), stats.gamma(2 * n_particles).cdf).pvalue > ALPHA
    assert stats.kstest((b2 / (1 + b2)).numpy(), stats.beta(1.5, n_particles - 1).cdf).pvalue > ALPHA
    for axis in range(3):
        assert stats.kstest((b[:, axis] / b2.sqrt()).numpy(), stats.uniform(-1, 2).cdf).pvalue > ALPHA


def test_continuous_uniform_truth_is_the_prior():
    # Uniform phase space in frames of the prior is p_ref (6) itself: |q_I| is Gamma(2), its direction isotropic.
    p = generators.events("uniform", 20_000, seed=4, name=("prior",), n_particles=3)
    q = embed(p, {"per_event": True}, process="prior", seed=6).momenta
    length = q.norm(dim=2)
    for particle in range(3):
        assert stats.kstest(length[:, particle].numpy(), stats.gamma(2).cdf).pvalue > ALPHA
        cosine = q[:, particle, 2] / length[:, particle]
        assert stats.kstest(cosine.numpy(), stats.uniform(-1, 2).cdf).pvalue > ALPHA


def test_no_events():
    events = embed(torch.empty(0, 3, 3, dtype=torch.float64), {"per_event": True})
    assert events.momenta.shape == (0, 3, 3)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("single", "'single' is not a mapping"),
        ({}, "not exactly one of the forms"),
        ({"copys": 2}, "copys = 2: "),
        ({"copies": 2, "per_event": True}, "not exactly one of the forms"),
        ({"b": [0, 0, 0]}, "not exactly one of the forms"),
        ({"x": 1}, "not exactly one of the forms"),
        ({"copies": 0}, "copies = 0: "),
        ({"copies": 2.0}, r"copies = 2\.0: "),
        ({"copies": True}, "copies = True: "),
        ({"per_event": False}, "per_event = False: "),
        ({"b": [0, 0], "x": 1}, r"b = \[0, 0\]: "),
        ({"b": [0, 0, math.nan], "x": 1}, r"b\.2 = nan: "),
        ({"b": 0, "x": 1}, "b = 0: "),
        ({"b": [0, 0, 0], "x": 0}, "x = 0: "),
        ({"b": [0, 0, 0], "x": math.inf}, "x = inf: "),
        ({"b": [0, 0, 0], "x": "1"}, "x = '1': "),
        ({"copies": 1, "by_process": [1]}, r"by_process = \[1\]: "),
        ({"copies": 2, "by_process": {}}, "one frame per process"),
        ({"copies": 1, "by_process": {"aps": {"x": 1}}}, r"without by_process\.aps\.b"),
        ({"copies": 1, "by_process": {"aps": {"b": [0, 0, 0], "x": 0}}}, r"by_process\.aps\.x = 0: "),
    ],
)
def test_bad_specs_name_the_key(spec, message):
    with pytest.raises(OnshellError, match=f"^augmentations.mine(:| ).*{message}.*give exactly one of") as caught:
        embed(torch.zeros(1, 3, 3), spec, name="mine")
    assert "\n" not in str(caught.value)
