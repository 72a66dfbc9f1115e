"""What there is at a scale, and what is wrong with it."""

from pathlib import Path

import pytest

from helpers.exhibits import FIGURES, RUNS, results, write
from onshell import config as configuration
from onshell.core.errors import OnshellError
from onshell.report.captions import caption, first_sentence
from onshell.report.collect import gather, panels
from onshell.report.page import page
from onshell.report.provenance import timings
from onshell.report.subjects import subject_of


@pytest.fixture
def layout(tmp_path):
    return results(tmp_path)


def found(layout):
    folder = Path(layout.config["results"]).parent
    return gather(layout.config, folder / "workflow" / "report", Path(layout.page()))


def test_every_preset_is_found_with_what_it_has_and_lacks(layout):
    scale = found(layout)
    assert scale.presets == ("paper", "record")
    assert [(one.name, [v.preset for v in one.variants]) for one in scale.exhibits] == [
        ("fig01", ["paper", "record"]), ("fig03", ["paper"]), ("fig13", ["paper"]), ("tab1", ["paper", "record"]),
    ]  # fmt: skip
    assert [one.run for one in scale.trainings] == [run for run in RUNS for _ in scale.presets]
    assert set(scale.metrics) == {(preset, run) for preset in scale.presets for run in RUNS}
    assert not set(scale.missing["paper"]) & set(FIGURES)
    assert {"fig02", "fig22", "tab3"} <= set(scale.missing["paper"])
    assert "fig03" in scale.missing["record"]
    sources = scale.exhibits[0].variants[0].sources
    assert set(sources) == {"events/muon.parquet", "samples/muon-q-diffusion.parquet"}


def test_a_figure_that_the_configuration_does_not_name_is_shown_too(layout):
    path = Path(layout.product("figures", "fig01")["png"])
    path.with_name("mine.png").write_bytes(path.read_bytes())
    assert [(one.title, one.subject) for one in found(layout).exhibits if one.name == "mine"] == [("mine", "")]
    assert "Everything else" in page(found(layout))


def test_a_process_without_a_title_goes_by_its_name(layout):
    del layout.config["processes"]["muon"]["title"]
    assert found(layout).subjects["muon"] == "muon"
    assert '<h2 id="process-muon-title">Muon</h2>' in page(found(layout))


@pytest.mark.parametrize(
    ("group", "name", "subject"),
    [
        ("figures", "fig01", "muon"),
        ("figures", "fig16", "muon"),
        ("figures", "fig19", "qqg"),
        ("figures", "fig22", "aps"),
        ("figures", "fig06", "qqg"),
        ("figures", "fig12", "aps"),
        ("tables", "tab1", "aps"),
        ("tables", "tab2", "muon"),
    ],
)
def test_figures_and_tables_are_about_a_process(group, name, subject):
    config = configuration.load(Path(__file__).parents[2] / "config.yaml")
    assert subject_of(config, group, name) == subject


def test_captions_are_one_line_without_marks(layout):
    folder = Path(layout.config["results"]).parent / "workflow" / "report"
    assert caption(folder / "fig01.rst") == "What fig01 shows of E_1 and |q|. It says more."
    assert first_sentence(caption(folder / "fig01.rst")) == "What fig01 shows of E_1 and |q|."
    assert caption(folder / "nothing.rst") == ""


def test_drawn_numbers_name_their_panels_and_series(layout):
    assert panels(Path(layout.product("figures", "fig01")["csv"])) == (["E_1", "E_2"], ["truth", "q-space <b>"])
    assert panels(None) == ([], [])


def test_times_are_those_of_whole_benchmark_files(layout):
    found = timings(layout.scale / "benchmarks")
    assert {one.rule for one in found} == {"train", "generate"}
    assert sum(one.wall for one in found if one.rule == "train") == 2 * sum(range(60, 64))
    assert {(one.cpu, one.memory) for one in found} == {(55.5, 5e8), (0.0, 0.0)}


def test_nothing_at_all_is_one_line_that_says_what_to_do(tmp_path, layout):
    empty = configuration.apply(layout.config, ["scale=desk"])
    with pytest.raises(OnshellError, match=r"results/desk: nothing to show; make something first: snakemake"):
        gather(empty, tmp_path, tmp_path / "index.html")


@pytest.mark.parametrize(
    ("broken", "content", "told"),
    [
        (
            lambda layout: layout.product("figures", "fig03")["png"],
            "no picture",
            "fig03.png: not readable as a picture",
        ),
        (
            lambda layout: layout.product("figures", "fig03")["csv"],
            "a,b\n1,2\n",
            "fig03.csv: not readable as the drawn",
        ),
        (lambda layout: layout.product("tables", "tab1")["md"], "no table", "tab1.md: not a table in Markdown"),
        (lambda layout: layout.metrics(RUNS[0]), "{", "muon-q-diffusion.json: not readable as JSON"),
        (lambda layout: layout.record(RUNS[0]), "{}", "run.json: record of a training without spec"),
        (
            lambda layout: str(Path(layout.record(RUNS[0])).with_name("history.csv")),
            "epoch,loss\n1,x\n",
            "history.csv: not readable as the history",
        ),
    ],
)
def test_a_broken_file_is_named_in_one_line(layout, broken, content, told):
    write(broken(layout), content)
    with pytest.raises(OnshellError) as error:
        page(found(layout))
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_picture_cut_short_is_refused(layout):
    path = Path(layout.product("figures", "fig03")["png"])
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(OnshellError, match=r"fig03\.png: not readable as a picture"):
        page(found(layout))


def test_a_study_is_a_chapter_of_its_own_whatever_the_presets(layout, tmp_path):
    figure, table = layout.product("figures", "best01"), layout.product("tables", "tab_best_qqg")
    write(table["md"], "| model | AUC |\n|:---|---:|\n| best | 0.51 |\n")
    Path(figure["png"]).parent.mkdir(parents=True)
    Path(figure["png"]).write_bytes(Path(layout.product("figures", "fig01")["png"]).read_bytes())
    write(layout.samples("muon-q-flow-best"), "events")
    scale = found(layout)
    assert [(one.name, one.subject) for one in scale.exhibits[-2:]] == [("tab_best_qqg", "best"), ("best01", "best")]
    assert [variant.preset for one in scale.exhibits[-2:] for variant in one.variants] == ["", ""]
    text = page(scale)
    assert '<h2 id="study-best-title">Paper, record and best at equal CPU time</h2>' in text
    assert "Generated events of best" in text
    assert "study-ablation" not in text


def test_a_scale_with_nothing_but_a_study_has_a_page(tmp_path):
    layout = results(tmp_path, presets=())
    write(layout.product("tables", "tab_best_qqg")["md"], "| model | AUC |\n|:---|---:|\n| best | 0.51 |\n")
    scale = found(layout)
    assert scale.presets == ()
    assert "at scale <b>quick</b>.</p>" in page(scale)
