"""Tables: full numbers in CSV, the same numbers with their uncertainty in TeX and Markdown."""

import json

import pandas as pd
import pytest
import torch

from helpers.entries import TABLES as ENTRIES
from onshell.core.errors import OnshellError
from onshell.evaluation.tables import number, uncertain
from onshell.events.table import write_events
from onshell.figures.registry import TABLES, write_table


@pytest.fixture(scope="module")
def written(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    for name in ENTRIES:
        write_table(name, ENTRIES[name], files, folder / name)
    return folder


def test_every_table_of_the_configuration_can_be_written():
    assert set(ENTRIES) <= set(TABLES)


def test_tab2(files, written):
    table = pd.read_csv(written / "tab2.csv").set_index("observable")
    ends = ("over_floor", "error", "over_floor_error", "excess", "excess_low", "excess_high")
    floor = [f"floor_{part}" for part in ("mean", "sd", "low", "high")]
    assert list(table.columns) == ["M1", "M3", *floor, *(f"{role}_{end}" for role in ("M1", "M3") for end in ends)]
    assert len(table) == 14
    found = json.loads(files["metrics"]["muon-q-diffusion-double"].read_text())["observables"]["phi_plane"]
    assert table.loc["phi_plane", "M3"] == pytest.approx(found["w1"], rel=1e-9)
    assert table.loc["phi_plane", "floor_sd"] == pytest.approx(found["floor_w1_sd"], rel=1e-9)
    assert table.loc["phi_plane", "M3_excess_high"] == pytest.approx(found["excess_high"], rel=1e-9)
    assert (table["floor_low"] < table["floor_mean"]).all()
    assert (table["M1_excess_low"] <= table["M1_excess"]).all()
    assert (table["M1_excess"] <= table["M1_excess_high"]).all()
    text = (written / "tab2.md").read_text()
    ratio, ends = (
        f"{table.loc['E_1', 'M3_over_floor']:#.2g}",
        [table.loc["E_1", f"floor_{e}"] for e in ("low", "high")],
    )
    assert f" ± {table.loc['E_1', 'M3_error']:.2g}"[:6] in text
    assert f"({ratio.removesuffix('.')})" in text
    assert "Truth: test." in text


def test_tab3(files, written):
    table = pd.read_csv(written / "tab3.csv").set_index("model")
    assert list(table.index) == ["M1", "M2", "M3", "M4", "M5", "floor"]
    assert list(table["augmentation"][:5]) == ["single", "identity", "double", "many", "continuous"]
    assert table.drop(columns="augmentation").notna().all(axis=None)
    metrics = json.loads(files["metrics"]["muon-q-diffusion"].read_text())
    latent = metrics["features"]["latent"]["auc"]
    assert table.loc["M1", "auc_latent_sd"] == pytest.approx(latent["sd"])
    assert table.loc["floor", "auc_latent"] == pytest.approx(latent["floor_mean"])
    assert table.loc["floor", "ks_E_3"] == pytest.approx(metrics["observables"]["E_3"]["floor_ks_mean"])
    features = [name for name in table if name.endswith("_sd") and not name.startswith("ks")]
    assert len(features) == 4
    assert (table[features] > 0).all(axis=None)


def test_tab3_says_what_its_spreads_are_over(written):
    for suffix in ("md", "tex"):
        text = (written / f"tab3.{suffix}").read_text()
        assert "random halves (2) and autoencoders (2), of the floor over 2 pairs of truth samples" in text
        assert "Truth: test." in text


@pytest.mark.parametrize("name", ENTRIES)
def test_tex_and_markdown_have_the_same_shape(name, written):
    tex, md = (written / f"{name}.tex").read_text(), (written / f"{name}.md").read_text().splitlines()
    assert tex.startswith("\\begin{tabular}")
    assert tex.count("\\toprule") == tex.count("\\bottomrule") == 1
    rows = [line for line in tex.splitlines() if line.endswith("\\\\")]
    lines = [line for line in md if line.startswith("|")]
    assert len(rows) == len(lines) - 1
    assert {row.count("&") for row in rows} == {line.count("|") - 2 for line in lines}
    assert tex.count("$") % 2 == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0246, "0.0246"),
        (12.345, "12.3"),
        (1234.5, "1,234"),
        (0.0, "0"),
        (1.57e-5, "1.6e-5"),
        (9.999e-5, "1.0e-4"),
    ],
)
def test_plain_numbers(value, text):
    assert number(value).markdown == text


@pytest.mark.parametrize(
    ("mean", "sd", "text"),
    [
        (0.50123, 0.0014, "0.5012 ± 0.0014"),
        (0.00209, 0.00074, "0.00209 ± 0.00074"),
        (3.1e-6, 2.3e-6, "(3.1 ± 2.3)e-6"),
        (4.026e-4, 9.9e-5, "(4.03 ± 0.99)e-4"),
        (12.0, 3.0, "12.0 ± 3.0"),
        (0.25, 0.0, "0.250"),
    ],
)
def test_numbers_with_uncertainty(mean, sd, text):
    assert uncertain(mean, sd).markdown == text


def test_models_that_different_parts_of_truth_judged_are_not_mixed(files, tmp_path):
    final = tmp_path / "final.json"
    found = json.loads(files["metrics"]["muon-q-diffusion-double"].read_text())
    final.write_text(json.dumps(found | {"judge": "final"}))
    runs = {"M1": "muon-q-diffusion", "M3": "muon-q-diffusion-double"}
    metrics = {"muon-q-diffusion": files["metrics"]["muon-q-diffusion"], "muon-q-diffusion-double": final}
    for name in ("tab2", "tab3"):
        with pytest.raises(
            OnshellError, match="muon-q-diffusion-double: judged by the part 'final' of truth where"
        ) as caught:
            write_table(name, {"runs": runs}, {"metrics": metrics}, tmp_path / name)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / f"{name}.csv").exists()
    alone = {"runs": {"M3": "muon-q-diffusion-double"}}
    write_table("tab2", alone, {"metrics": metrics}, tmp_path / "tab2")
    assert "Truth: final, which no choice of settings has seen." in (tmp_path / "tab2.md").read_text()


def test_what_is_missing_is_named(files, tmp_path):
    with pytest.raises(
        OnshellError, match=r"tab4: no such table; did you mean 'tab[123]'\? \(known: tab1, tab2, tab3, "
    ):
        write_table("tab4", {}, files, tmp_path / "tab4")
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps({"observables": {}}))
    entry = {"runs": {"M1": "muon-q-diffusion"}}
    with pytest.raises(OnshellError, match=r"bare\.json: no observables\.ln_f\.w1"):
        write_table("tab2", entry, {"metrics": {"muon-q-diffusion": bare}}, tmp_path / "tab2")
    bare.write_text("{")
    with pytest.raises(OnshellError, match=r"bare\.json: not readable as JSON"):
        write_table("tab2", entry, {"metrics": {"muon-q-diffusion": bare}}, tmp_path / "tab2")


Q, P = "aps_30-q-diffusion", "aps_30-p-flow"


def line(*x):
    """Return an event along one axis with these momenta."""
    return torch.tensor([[[value, 0.0, 0.0] for value in x]], dtype=torch.float64)


@pytest.fixture
def tab1(tmp_path):
    """Return a function that writes tab1 of two constructed samples and gives back its numbers and its text."""
    good, bad = line(0.5, -0.25, -0.25), line(0.5, -0.25, -0.125)
    samples = {Q: tmp_path / "q.parquet", P: tmp_path / "p.parquet"}
    write_events(samples[Q], [torch.cat([good, good])], {})
    off = torch.cat([bad, bad + torch.tensor([0.0, 0.0, 0.03]), good])
    write_events(samples[P], [off], {"conserves": False})

    def write(**published):
        entry = {"runs": {"A30": Q, "P2": P}, "published": published}
        write_table("tab1", entry, {"samples": samples}, tmp_path / "tab1")
        return pd.read_csv(tmp_path / "tab1.csv"), (tmp_path / "tab1.md").read_text(), off

    return write


def test_tab1_of_constructed_samples(tab1):
    numbers, text, off = tab1(P2=[0.0094, 0.0023, 0.0024, 0.0023])
    ours, theirs = ["energy", "px", "py", "pz", "p"], [f"published_{name}" for name in ("energy", "px", "py", "pz")]
    assert list(numbers.columns) == ["run", *ours, *theirs]
    numbers = numbers.set_index("run")
    assert list(numbers.index) == [P, Q]  # p-space first, as published
    e, total = off.norm(dim=-1), off.sum(1)
    median = float(e.flatten().median())
    expected = [(e.sum(-1) - 1).abs(), *total.abs().unbind(-1), total.norm(dim=-1)]
    assert numbers.loc[P, ours].tolist() == pytest.approx([float(value.mean()) / median for value in expected])
    assert numbers.loc[P, theirs].tolist() == [0.0094, 0.0023, 0.0024, 0.0023]
    assert numbers.loc[Q, ours].tolist() == [0.0] * 5
    assert numbers.loc[Q, theirs].isna().all()
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()[2:6]]
    assert [row[:2] for row in rows[::2]] == [["p-space flow matching", "ours"], ["q-space diffusion", "ours"]]
    assert rows[1] == ["", "published", "0.0094", "0.0023", "0.0024", "0.0023", ""]
    assert rows[3] == ["", "published", *["machine precision"] * 4, ""]


def test_tab1_needs_four_published_values(tab1):
    with pytest.raises(OnshellError, match=r"published\.P2: 2 values where 4 are needed; give energy, px, py, pz"):
        tab1(P2=[0.1, 0.2])
