"""docs/collect.py: figures small enough for a repository, tables, the summary, and a page of them all."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from onshell import config as configuration
from onshell.layout import Layout
from onshell.streams import stream

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
    config = yaml.safe_load((ROOT / "config.yaml").read_text()) | {"results": str(tmp_path / "results")}
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
