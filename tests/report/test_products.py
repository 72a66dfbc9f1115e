"""What there is at a scale, and what is wrong with it."""

from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import pytest

from helpers.results import FIGURES, RUNS, results, write
from onshell import config as configuration
from onshell.core.errors import OnshellError
from onshell.report.collect import gather, panels
from onshell.report.page import page
from onshell.report.provenance import timings

SMALL_TABLE = "| model | AUC |\n|:---|---:|\n| best | 0.51 |\n"


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    return results(tmp_path_factory.mktemp("products"))


def found(layout, config=None):
    folder = Path(layout.config["results"]).parent
    return gather(config or layout.config, folder / "workflow" / "report", Path(layout.page()))


@contextmanager
def file(path, content):
    """Have `content` in a file; then what was there before."""
    path = Path(path)
    before = path.read_bytes() if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    try:
        yield
    finally:
        path.unlink() if before is None else path.write_bytes(before)


def test_every_preset_is_found_with_what_it_has_and_lacks(layout):
    scale = found(layout)
    assert scale.presets == ("paper", "record")
    assert [(one.name, [v.preset for v in one.variants]) for one in scale.products] == [
        ("fig01", ["paper", "record"]), ("fig03", ["paper"]), ("fig13", ["paper"]), ("tab1", ["paper", "record"]),
    ]  # fmt: skip
    assert [one.run for one in scale.trainings] == [run for run in RUNS for _ in scale.presets]
    assert set(scale.metrics) == {(preset, run) for preset in scale.presets for run in RUNS}
    assert not set(scale.missing["paper"]) & set(FIGURES)
    assert {"fig02", "fig22", "tab3"} <= set(scale.missing["paper"])
    assert "fig03" in scale.missing["record"]
    assert set(scale.products[0].variants[0].sources) == {"events/muon.parquet", "samples/muon-q-diffusion.parquet"}


def test_what_the_configuration_does_not_name_is_shown_too(layout):
    path, config = Path(layout.product("figures", "fig01")["png"]), deepcopy(layout.config)
    del config["processes"]["muon"]["title"]
    with file(path.with_name("mine.png"), path.read_bytes()):
        scale = found(layout, config)
        text = page(scale)
    assert [(one.title, one.subject) for one in scale.products if one.name == "mine"] == [("mine", "")]
    assert "Everything else" in text
    assert '<h2 id="process-muon-title">Muon</h2>' in text


def test_drawn_numbers_name_their_panels_and_series(layout):
    assert panels(Path(layout.product("figures", "fig01")["csv"])) == (["E_1", "E_2"], ["truth", "q-space <b>"])
    assert panels(None) == ([], [])


def test_times_are_those_of_whole_benchmark_files(layout):
    seen = timings(layout.scale / "benchmarks")
    assert {one.rule for one in seen} == {"train", "generate"}
    assert sum(one.wall for one in seen if one.rule == "train") == 2 * sum(range(60, 64))
    assert {(one.cpu, one.memory) for one in seen} == {(55.5, 5e8), (0.0, 0.0)}


def test_nothing_at_all_is_one_line_that_says_what_to_do(layout):
    with pytest.raises(OnshellError, match=r"results/desk: nothing to show; make something first: snakemake"):
        found(layout, configuration.apply(layout.config, ["scale=desk"]))


@pytest.mark.parametrize(
    ("broken", "content", "told"),
    [
        (lambda layout: layout.product("figures", "fig03")["png"], "no picture", "fig03.png: not readable as a pic"),
        (lambda layout: layout.product("figures", "fig03")["png"], None, "fig03.png: not readable as a picture"),
        (lambda layout: layout.product("figures", "fig03")["csv"], "a,b\n1,2\n", "fig03.csv: not readable as the dra"),
        (lambda layout: layout.product("tables", "tab1")["md"], "no table", "tab1.md: not a table in Markdown"),
        (lambda layout: layout.metrics(RUNS[0]), "{", "muon-q-diffusion.json: not readable as JSON"),
        (lambda layout: layout.record(RUNS[0]), "{}", "run.json: record of a training without spec"),
        (
            lambda layout: Path(layout.record(RUNS[0])).with_name("history.csv"),
            "epoch,loss\n1,x\n",
            "history.csv: not readable as the history",
        ),
    ],
)
def test_a_broken_file_is_named_in_one_line(layout, broken, content, told):
    path = Path(broken(layout))
    # None: the file is cut short.
    with file(path, path.read_bytes()[:200] if content is None else content), pytest.raises(OnshellError) as error:
        page(found(layout))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_study_is_a_chapter_of_its_own_whatever_the_presets(layout):
    figure, table = layout.product("figures", "best01"), layout.product("tables", "tab_best_qqg")
    pixels = Path(layout.product("figures", "fig01")["png"]).read_bytes()
    events = layout.samples("muon-q-flow-best")
    with file(figure["png"], pixels), file(table["md"], SMALL_TABLE), file(events, "events"):
        scale = found(layout)
        text = page(scale)
    assert [(one.name, one.subject) for one in scale.products[-2:]] == [("tab_best_qqg", "best"), ("best01", "best")]
    assert [variant.preset for one in scale.products[-2:] for variant in one.variants] == ["", ""]
    assert '<h2 id="study-best-title">Paper, record and best at equal CPU time</h2>' in text
    assert "Generated events of best" in text
    assert "study-ablation" not in text


def test_a_scale_with_nothing_but_a_study_has_a_page(tmp_path):
    layout = results(tmp_path, presets=())
    write(layout.product("tables", "tab_best_qqg")["md"], SMALL_TABLE)
    scale = found(layout)
    assert scale.presets == ()
    assert "at scale <b>quick</b>.</p>" in page(scale)
