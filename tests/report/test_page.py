"""The page as text: whole, the same every time, with nothing from elsewhere, and links that lead somewhere."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from helpers.results import BENCHMARK, ROOT, RUNS, results, write
from onshell import cli, report
from onshell.report.page import page_file

VOID = {"meta", "link", "img", "input", "br"}


class Reader(HTMLParser):
    """What a browser would meet: tags in their order, closed, and their attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, self.getpos()

    def all(self, tag, key):
        """Return an attribute of all tags of a name that have it."""
        return [found[key] for name, found in self.tags if name == tag and key in found]


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    return results(tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="module")
def text(layout):
    out, said = Path(layout.page()), []
    page_file(layout.config, Path(layout.config["results"]).parent / "workflow" / "report", out, progress=said.append)
    assert "figures and tables: 4, trainings: 8" in said[0]
    assert "not there: fig02, " in said[0]
    return out.read_text(encoding="utf-8")


def test_the_page_is_whole_and_well_formed(text):
    reader = Reader(text)
    assert reader.open == []
    names = [found["id"] for _, found in reader.tags if "id" in found]
    assert len(names) == len(set(names)) > 10
    inside = {href[1:] for href in reader.all("a", "href") if href.startswith("#")}
    assert inside <= set(names)
    assert {found["aria-labelledby"] for _, found in reader.tags if "aria-labelledby" in found} <= set(names)


def test_nothing_is_fetched(text):
    reader = Reader(text)
    assert all(source.startswith("data:image/png;base64,") for source in reader.all("img", "src"))
    assert not reader.all("script", "src")
    assert all(href.startswith("data:") for href in reader.all("link", "href"))
    assert not re.search(r"@import|url\(|fetch\(|XMLHttp", text)
    assert "default-src 'none'" in reader.all("meta", "content")[1]


TIMES = "2.5\t0:00:02" + "\t-" * 8 + "\n"
EVIL = "\"'><x-evil onmouseover=alert(1)>"


def poisoned(value):
    """Return a document with something else in the place of every text, and of some numbers that are only printed."""
    if isinstance(value, dict):
        return {key: EVIL if key in ("width", "depth", "cores") else poisoned(inner) for key, inner in value.items()}
    return EVIL if isinstance(value, str) else value


def test_no_file_brings_elements_of_its_own(tmp_path):
    layout = results(tmp_path)
    for path in [*layout.scale.rglob("run.json"), *layout.scale.rglob("metrics/*.json")]:
        document = json.loads(path.read_text())
        if observables := document.get("observables"):
            observables[EVIL] = next(iter(observables.values()))
        path.write_text(json.dumps(poisoned(document) | {"device_name": EVIL}))
    for path in layout.scale.rglob("tab1.md"):
        path.write_text(path.read_text().replace("ours", EVIL) + f"\n{EVIL}\n")
    for path in layout.scale.rglob("fig*.csv"):
        path.write_text(path.read_text().replace("truth", EVIL.replace('"', "")))
    for path in (tmp_path / "workflow" / "report").iterdir():
        path.write_text(f"What {EVIL} shows. `{EVIL}`.")
    (layout.scale / "events" / 'a.x"onmouseover=alert(1) b').touch()
    write(layout.scale / "benchmarks" / EVIL.replace("/", "") / "a.tsv", f"{BENCHMARK}{TIMES}")
    for group in ("processes", "figures", "tables", "studies"):
        for entry in layout.config[group].values():
            entry["title"] = EVIL
    page_file(layout.config, tmp_path / "workflow" / "report", tmp_path / "index.html", progress=lambda line: None)
    reader = Reader((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert "x-evil" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert not [(tag, found) for tag, found in reader.tags if tag == "x-evil" or "onmouseover" in found]


def test_links_lead_to_files_that_are_there(text, layout):
    files = [href for href in Reader(text).all("a", "href") if not href.startswith("#")]
    assert all((layout.scale / unquote(href)).is_file() for href in files)
    there = {unquote(href) for href in files}
    assert {
        "paper/figures/fig01.pdf",
        "paper/figures/fig01.csv",
        "paper/tables/tab1.tex",
        "events/muon.parquet",
    } <= there
    assert {"record/runs/aps_30-p-flow/history.csv", "record/samples/aps_30-q-flow.parquet"} <= there


def test_a_page_elsewhere_links_to_the_same_files(layout, tmp_path):
    out = tmp_path / "sub" / "mine.html"
    page_file(layout.config, tmp_path, out, progress=lambda _: None)
    files = [href for href in Reader(out.read_text()).all("a", "href") if not href.startswith("#")]
    assert len(files) > 20
    assert all((out.parent / unquote(href)).is_file() for href in files)


def test_equal_products_give_equal_bytes(text, layout, tmp_path):
    page_file(layout.config, tmp_path, tmp_path / "a.html", progress=lambda _: None)
    page_file(layout.config, tmp_path, tmp_path / "b.html", progress=lambda _: None)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_pictures_say_what_they_show(text):
    alts = Reader(text).all("img", "alt")
    assert len(alts) == 4
    assert alts[0] == ("Figure 1. What fig01 shows of E_1 and |q|. Drawn: truth, q-space <b>. 2 panels: E_1, E_2.")
    assert "energies of muon decay" not in alts[0]


def test_metrics_stand_beside_their_floor(text):
    row = re.search(r'<tr data-of="paper"><th scope="row"><a href="#paper.muon-q-diffusion-double">.*?</tr>', text)[0]
    assert row.count('data-key="0.002"') == 6
    assert "1.0×" in row
    assert '<td data-key="0.1" class="hot"' in row
    assert "25× <i>E</i><sub>1</sub>" in row
    assert "1,000 against 5,000 events" in text
    assert "1.0× ± 0.04" in row
    assert "<small>0.0011 to 0.0032</small>" in text
    assert "1.60<small>± 0.20</small><small>1.2 to 2.2</small>" in text
    assert "worst W<sub>1</sub>" in text
    assert "beside the statistical floor. Truth: test." in text


def test_what_ran_where_and_how_long(text):
    assert "2 cores of A &lt;fast&gt; one" in text
    assert f"<dd>{2 * len(RUNS)}</dd>" in text
    assert re.search(r">train</th><td data-key=\"8\">8</td><td data-key=\"492\">8.2 min</td>", text)
    assert "<fast>" not in text


def test_the_command_writes_the_page_of_its_scale(layout, monkeypatch, capsys):
    folder = Path(layout.config["results"]).parent
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["onshell", "page", "-o", "all.html"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    assert "all.html: figures and tables: 4" in capsys.readouterr().out
    assert "What fig01 shows" in (folder / "all.html").read_text()


def test_the_command_says_what_is_missing_and_writes_nothing(layout, monkeypatch, tmp_path):
    monkeypatch.chdir(Path(layout.config["results"]).parent)
    monkeypatch.setattr("sys.argv", ["onshell", "page", "--scale", "desk", "-o", str(tmp_path / "page.html")])
    with pytest.raises(SystemExit, match=r"onshell: error: .*desk: nothing to show"):
        cli.main()
    assert not (tmp_path / "page.html").exists()


def test_the_page_is_made_again_when_any_of_its_sources_changes():
    package = Path(report.__file__).parents[1]
    rules = (ROOT / "workflow" / "rules" / "common.smk").read_text()
    patterns = re.findall(r'"([^"]+)"', re.search(r"PAGES = sources\((.*?)\)", rules, re.S)[1])
    found = {pattern: {path for path in package.glob(pattern) if path.is_file()} for pattern in patterns}
    assert all(found.values())
    here = {path for path in (package / "report").rglob("*") if path.is_file()}
    assert here <= set().union(*found.values())
    assert {"page.css", "page.html", "render.py"} <= {path.name for path in here}
