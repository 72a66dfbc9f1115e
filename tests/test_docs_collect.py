"""docs/collect.py: figures small enough for a repository, tables, the summary, and a page of them all."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from onshell import config as configuration
from onshell.config.layout import Layout
from onshell.core.rng import stream

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def collect():
    spec = importlib.util.spec_from_file_location("collect", ROOT / "docs" / "collect.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def products(tmp_path):
    """Return the layout of a results folder with two figures, a table and the summary; its configuration beside it."""
    config = configuration.read(ROOT / "config.yaml") | {"results": str(tmp_path / "results")}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    report = tmp_path / "workflow" / "report"
    report.mkdir(parents=True)
    (report / "fig01.rst").write_text("Dalitz planes of\nmuon decay (15). And more.\n")
    (report / "tab2.rst").write_text("Distances with ``W1``.\n")
    layout = Layout(configuration.load(tmp_path / "config.yaml", ["scale=desk"]))
    noise = stream(1, "test", "collect").integers(0, 256, (300, 500, 3), dtype=np.uint8)
    plain = np.full((300, 1700, 4), [255, 0, 0, 128], dtype=np.uint8)
    for name, pixels in (("fig01", plain), ("fig03", noise)):
        path = Path(layout.product("figures", name)["png"])
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    table = Path(layout.product("tables", "tab2")["md"])
    table.parent.mkdir(parents=True)
    table.write_text("| a | b |\n|:---|---:|\n| 1 | 2 |\n")
    for path in layout.summary().values():
        Path(path).write_text("all runs\n")
    return layout


def test_a_page_of_all_that_is_there(collect, products, tmp_path, capsys):
    out = tmp_path / "docs"
    out.mkdir()
    (out / "fig99.png").write_bytes(b"stale")
    (out / "mine.txt").write_text("kept")
    told = ["--scale", "desk", "--hardware", "two cores", "--time", "3 h 20 min."]
    collect.main(["--config", str(tmp_path / "config.yaml"), "--output", str(out), *told])
    names = {"fig01.png", "fig03.png", "tab2.md", "summary.md", "summary.csv", "README.md", "mine.txt"}
    assert {path.name for path in out.iterdir()} == names
    page = (out / "README.md").read_text()
    assert page.startswith("# Results at scale `desk`, preset `paper`\n")
    for text in ("Hardware: two cores.\n", "Total time: 3 h 20 min.\n", "![fig03](fig03.png)", "| 1 | 2 |"):
        assert text in page
    assert "Dalitz planes of muon decay (15).\n" in page
    assert "And more" not in page
    assert "(summary.csv)" in page
    said = capsys.readouterr().out
    assert "3 figures and tables; not there: fig02, " in said


def test_pictures_are_small_and_still_themselves(collect, products):
    sizes = {}
    for name in ("fig01", "fig03"):
        packed = collect.small_png(Path(products.product("figures", name)["png"]))
        assert len(packed) <= collect.SIZE
        assert packed == collect.small_png(Path(products.product("figures", name)["png"]))
        target = Path(products.preset) / f"{name}.small.png"
        target.write_bytes(packed)
        with Image.open(target) as image:
            sizes[name] = image.size
            if name == "fig01":
                assert image.convert("RGB").getpixel((5, 5)) == (255, 127, 127)  # half red on white
    assert sizes["fig01"] == (collect.WIDTH, round(300 * collect.WIDTH / 1700))
    width, height = sizes["fig03"]
    assert height / width == pytest.approx(300 / 500, rel=0.02)


def test_nothing_there_is_one_line(collect, products, tmp_path):
    with pytest.raises(SystemExit, match=r"collect: error: .*no figure and no table there"):
        collect.main(["--config", str(tmp_path / "config.yaml"), "--scale", "quick", "--output", str(tmp_path / "o")])


@pytest.fixture
def studied(products, tmp_path):
    """Return the layout of the same folder with two figures and a table of studies; a caption for one of each."""
    config = products.config | {
        "studies": {
            "one": {
                "title": "this and that",
                "runs": {},
                "tables": {"tab_one": {"title": "both", "draw": "comparison"}},
                "figures": {"one01": {"title": "time"}, "one02": {"title": "more"}},
            },
            "two": {"runs": {}, "figures": {"two01": {"title": "changes"}}},
            "three": {"runs": {}, "figures": {"three01": {"title": "nothing yet"}}},
        }
    }
    layout = Layout(config)
    for study, name in (("one", "one01"), ("two", "two01")):
        path = tmp_path / "results" / "desk" / "studies" / study / "figures" / f"{name}.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(np.full((30, 50, 3), 255, dtype=np.uint8)).save(path)
    table = tmp_path / "results" / "desk" / "studies" / "one" / "tables" / "tab_one"
    table.parent.mkdir()
    table.with_suffix(".md").write_text("| τ |\n|:---|\n| 7 |\n", encoding="utf-8")
    table.with_suffix(".csv").write_text("tau\n7.0\n")
    (tmp_path / "workflow" / "report" / "tab_one.rst").write_text("What it is. And how it\nis read.\n")
    return layout


def test_a_page_of_studies(collect, studied, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(collect.configuration, "load", lambda *_: studied.config)
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "docs" / "results" / "studies"
    out.mkdir(parents=True)
    for name in ("one02.png", "fig01.png", "mine.md"):
        (out / name).write_bytes(b"old")
    collect.main(["--config", str(tmp_path / "config.yaml"), "--studies", "--hardware", "one core."])
    # What the configuration names and is no longer there goes; what is not ours stays.
    names = {"README.md", "one01.png", "two01.png", "tab_one.md", "tab_one.csv", "fig01.png", "mine.md"}
    assert {path.name for path in out.iterdir()} == names
    assert (out / "one01.png").read_bytes().startswith(b"\x89PNG")
    page = (out / "README.md").read_text(encoding="utf-8")
    assert page.startswith("# Studies at scale `desk`\n\nHardware: one core.\n\n## one: this and that\n")
    places = [
        page.index(text)
        for text in (
            "## one: this and that\n\nMade by `snakemake one --config scale=desk`.\n",
            "### tab_one: both\n\nWhat it is. And how it is read.\n",
            "| τ |\n|:---|\n| 7 |\n",
            "[tab_one.csv](tab_one.csv)",
            "### one01: time\n\n![one01](one01.png)\n",
            "## two\n\nMade by `snakemake two",
            "![two01](two01.png)",
        )
    ]
    assert places == sorted(places)
    for absent in ("three", "one02", "Total time", "\n\n\n"):
        assert absent not in page
    assert "studies: 3 figures and tables; not there: one02, three01" in capsys.readouterr().out
    # The page of a preset, a folder above, leads there, and does not touch it.
    collect.main(["--config", str(tmp_path / "config.yaml")])
    assert "[studies](studies/README.md)" in (tmp_path / "docs" / "results" / "README.md").read_text()
    assert {path.name for path in out.iterdir()} == names


def test_studies_that_are_not_there_or_not_readable(collect, products, studied, tmp_path, monkeypatch, capsys):
    here = ["--config", str(tmp_path / "config.yaml"), "--output", str(tmp_path / "docs"), "--studies"]
    with pytest.raises(SystemExit, match=r"desk.studies: no table and no figure there; .*: snakemake best --config "):
        collect.main([*here, "--scale", "desk"])
    with pytest.raises(SystemExit):
        collect.main([*here, "--preset", "best"])
    assert "studies are of no preset" in capsys.readouterr().err
    monkeypatch.setattr(collect.configuration, "load", lambda *_: studied.config)
    collect.main(here)
    before = (tmp_path / "docs" / "README.md").read_bytes()
    for path, words in ((studied.product("tables", "tab_one")["md"], "table"),
                        (studied.product("figures", "two01")["png"], "picture")):  # fmt: skip
        content = Path(path).read_bytes()
        Path(path).write_bytes(b"\xff\xfe")
        with pytest.raises(SystemExit, match=f"collect: error: {path}: not readable as a {words}; "):
            collect.main(here)
        Path(path).write_bytes(content)
    # The page that was there stands as it was.
    assert (tmp_path / "docs" / "README.md").read_bytes() == before
