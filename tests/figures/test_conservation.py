"""Violation of conservation: known ones are where they belong, exact zeros are seen, tab1 is what conservation says."""

import numpy as np
import pandas as pd
import pytest
import torch

from onshell.core.errors import OnshellError
from onshell.events.table import write_events
from onshell.figures.antennas import LEAST, violations
from onshell.figures.registry import write_table

Q, P = "aps_30-q-diffusion", "aps_30-p-flow"


def line(*x):
    """Return an event along one axis with these momenta."""
    return torch.tensor([[[value, 0.0, 0.0] for value in x]], dtype=torch.float64)


def test_known_violations():
    found = violations(line(0.5, -0.25, -0.125))
    # The median of 0.5, 0.25 and 0.125 is 0.25; an eighth is missing in energy and too much in p_x.
    assert found["energy"] == pytest.approx([np.log10(0.5)])
    assert found["px"] == pytest.approx([np.log10(0.5)])
    assert found["py"] == found["pz"] == [LEAST - 0.5]
    assert violations(line(0.5, -0.25, -0.25))["energy"] == [LEAST - 0.5]


def test_fig14_shows_machine_precision_and_violations_decades_apart(numbers):
    table = numbers("fig14")
    assert set(table["panel"]) == {"energy", "px", "py", "pz"}
    assert (table.groupby(["panel", "series"])["count"].sum() == 3000).all()
    assert not (table["kind"] == "outside").any()
    for _, part in table.groupby("panel"):
        seen = part[part["count"] > 0].groupby("series")["x_hi"].agg(["min", "max"])
        assert (seen.loc[["truth", "q-space diffusion", "q-space flow matching"], "max"] < -11).all()
        typical = part.loc[part.groupby("series")["count"].idxmax()].set_index("series")["x_lo"]
        assert typical["p-space diffusion"] > typical["p-space flow matching"] + 1
        assert typical["p-space flow matching"] > -4
    zeros = table[(table["x_hi"] == LEAST) & (table["series"] == "q-space diffusion")]
    assert (zeros["x_lo"] == LEAST - 1).all()
    assert zeros.set_index("panel").loc["energy", "count"] > 0


@pytest.fixture
def written(tmp_path):
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


def test_tab1_of_constructed_samples(written):
    numbers, text, off = written(P2=[0.0094, 0.0023, 0.0024, 0.0023])
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


def test_tab1_needs_four_published_values(written):
    with pytest.raises(OnshellError, match=r"published\.P2: 2 values where 4 are needed; give energy, px, py, pz"):
        written(P2=[0.1, 0.2])
