"""The code that is watched for a figure: the module that draws it and what that imports, and nothing else."""

import pytest

from onshell.core.errors import OnshellError
from onshell.figures import sources
from onshell.figures.registry import FIGURES, TABLES


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A function that changes a file of a copy of the package, and gives back the digests before and after."""
    for room in ("figures", "evaluation"):
        (tmp_path / room).mkdir()
        for path in (sources.ROOT / room).glob("*.[pm]*"):
            (tmp_path / room / path.name).write_bytes(path.read_bytes())

    def digests():
        for cached in (sources._text, sources.module_of):
            cached.cache_clear()
        return {name: sources.digest(name) for name in (*FIGURES, *TABLES)}

    usual = digests()
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    assert digests() == usual

    def changed(file):
        path = tmp_path / file
        path.write_text(path.read_text() + "\n# changed\n")
        return {name for name, found in digests().items() if found != usual[name]}

    yield changed
    monkeypatch.undo()
    digests()


def test_every_figure_and_table_is_drawn_by_the_module_that_is_watched():
    for name, function in (FIGURES | TABLES).items():
        assert function.__module__ == f"onshell.{sources.module_of(name)}"


@pytest.mark.parametrize(
    ("file", "drawn"),
    [
        ("figures/muon.py", {name for name in FIGURES if FIGURES[name].__module__.endswith(".muon")}),
        ("figures/study_changes.py", {"budgets", "evaluations", "changes"}),
        ("evaluation/tables.py", set(TABLES)),
        ("figures/style.mplstyle", {*FIGURES, *TABLES}),
        ("figures/registry.py", set()),
        ("evaluation/distances.py", set()),
    ],
)
def test_a_change_draws_again_what_it_may_change_and_no_other(copied, file, drawn):
    assert copied(file) == drawn


def test_a_drawing_without_code_is_an_error():
    with pytest.raises(OnshellError, match="fig99: no code draws it"):
        sources.digest("fig99")
