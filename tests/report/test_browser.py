"""The page in a browser: nothing fetched, nothing complained of, everything shown, found and sorted, on any screen."""

from itertools import pairwise
from pathlib import Path

import pytest

from helpers.browser import started
from helpers.plans import job
from helpers.results import results
from onshell.planning.costs import assumed
from onshell.planning.plan import Plan
from onshell.report.page import page_file
from onshell.report.plan import write_page

pytestmark = pytest.mark.timeout(180)

TABLE = "#process-muon table.sortable"
HEAD = f"{TABLE} thead th:nth-child(3)"
COLUMN = f"[...document.querySelectorAll('{TABLE} tbody tr')].map(row => +row.cells[2].dataset.key)"

CONTRAST = """
(() => {
  const canvas = document.createElement("canvas"); canvas.width = canvas.height = 1;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map(v => v / 255).map(
    v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const paint = colours => { pen.clearRect(0, 0, 1, 1);
    for (const colour of colours) { pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1); }
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3); };
  const faint = []; let read = 0;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const one = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || one.closest("script, dialog, .skip") || !one.checkVisibility()) continue;
    const behind = [];
    for (let up = one; up; up = up.parentElement) behind.unshift(getComputedStyle(up).backgroundColor);
    const style = getComputedStyle(one), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    const ink = style.fill !== "rgb(0, 0, 0)" && one.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(paint(behind)), light(paint([...behind, ink]))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    read += 1;
    if (ratio < (large ? 3 : 4.5)) faint.push(`${ratio.toFixed(2)} ${walk.currentNode.data.trim().slice(0, 30)}`);
  }
  return { read, faint };
})()"""

WIDE = """
[...document.querySelectorAll("body *")].filter(one => one.checkVisibility() && !one.closest(".scroll, .skip, svg"))
  .filter(one => one.getBoundingClientRect().right > innerWidth + 0.5).map(one => one.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def browser():
    with started() as found:
        yield found


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    layout = results(tmp_path_factory.mktemp("browser"))
    out = Path(layout.page())
    page_file(layout.config, Path(layout.config["results"]).parent / "workflow" / "report", out)
    return out


@pytest.fixture
def open_page(browser, path):
    pages = []

    def opened(file=path, **window):
        pages.append(browser.open(file, **window))
        return pages[-1]

    yield opened
    for page in pages:
        page.close()


def test_this_browser_would_tell_of_a_request_or_an_error(open_page, tmp_path):
    # Port 9 of this machine: nothing answers there, and nothing leaves the machine.
    bad = '<img src="http://127.0.0.1:9/x.png"><script>console.error("mine"); nothing();</script>'
    (tmp_path / "bad.html").write_text(f"<!DOCTYPE html><title>bad</title>{bad}")
    page = open_page(tmp_path / "bad.html")
    assert page.fetched == ["http://127.0.0.1:9/x.png"]
    assert any("mine" in told for told in page.complaints)
    assert any("nothing is not defined" in told for told in page.complaints)


def test_nothing_is_fetched_or_complained_of_and_all_pictures_are_shown(open_page):
    page = open_page()
    widths = page.value("[...document.images].map(one => one.complete ? one.naturalWidth : 0)")
    assert widths == [140] * 4
    assert page.value("document.querySelectorAll('svg polyline').length") == 8
    assert page.fetched == []
    assert page.complaints == []


def test_a_heading_sorts_by_click_and_by_keyboard(open_page):
    page = open_page()
    before = page.value(COLUMN)
    assert page.value(f"document.querySelector('{HEAD}').ariaSort") == "none"
    page.click(f"{HEAD} button")
    assert page.value(COLUMN) == sorted(before)
    assert page.value(f"document.querySelector('{HEAD}').ariaSort") == "ascending"
    for key, order, word in (("Enter", True, "descending"), (" ", False, "ascending")):
        page.press(key)
        assert page.value(COLUMN) == sorted(before, reverse=order)
        assert page.value(f"document.querySelector('{HEAD}').ariaSort") == word
    page.press("Tab")
    page.press("Enter")
    sorted_by = (
        "[...document.querySelectorAll('#process-muon th[aria-sort]:not([aria-sort=none])')].map(x => x.cellIndex)"
    )
    assert page.value(sorted_by) == [3]
    page.click(f"{TABLE} thead th:first-child button")
    names = page.value(f"[...document.querySelectorAll('{TABLE} tbody th')].map(one => one.textContent)")
    assert names == sorted(names)
    assert len(names) == 4
    assert page.complaints == []


def test_text_can_be_read_in_both_colour_schemes(open_page):
    page = open_page()
    page.value("document.querySelectorAll('details').forEach(one => one.open = true)")
    for dark in (False, True):
        page.prefer(dark=dark)
        found = page.value(CONTRAST)
        assert found["read"] > 300
        assert found["faint"] == []
        assert page.value("matchMedia('(prefers-color-scheme: dark)').matches") is dark


def test_the_button_changes_the_colours_whatever_the_system_prefers(open_page):
    page = open_page(dark=True)
    paper, pressed = "getComputedStyle(document.body).backgroundColor", "document.getElementById('theme').ariaPressed"
    before = page.value(paper)
    assert page.value(pressed) == "true"
    page.click("#theme")
    assert page.value(pressed) == "false"
    assert page.value(paper) != before
    assert page.value(CONTRAST)["faint"] == []
    page.click("#theme")
    assert page.value(paper) == before


def test_nothing_is_wider_than_the_window_and_the_contents_fold_on_a_phone(open_page):
    page = open_page(width=360, height=740)
    assert page.value("document.querySelector('nav details').open") is False
    page.click("nav summary")
    page.click("nav a[href='#fig03']")
    assert page.value("location.hash") == "#fig03"
    assert page.value("document.querySelector('nav details').open") is False
    page.value("document.querySelectorAll('main details').forEach(one => one.open = true)")
    for width in (360, 820, 1280):
        page.resize(width, 740)
        assert page.value("document.documentElement.scrollWidth") == width
        assert page.value(WIDE) == []
        assert page.value("innerWidth") == width
    assert page.value("document.querySelector('nav details').open") is True


def test_a_picture_opens_large_and_the_focus_comes_back(open_page):
    page = open_page()
    page.click("#fig01 .plate")
    assert page.value("document.getElementById('large').open") is True
    assert page.value("document.querySelector('#large img').naturalWidth") == 140
    assert page.value("document.getElementById('large-title').textContent") == "Figure 1"
    page.press("Escape")
    assert page.value("document.getElementById('large').open") is False
    assert page.value("document.activeElement.matches('#fig01 .plate')") is True
    page.press("Enter")
    assert page.value("document.getElementById('large').open") is True


def test_one_preset_or_all_and_words_pick_out_metrics(open_page):
    page = open_page()
    shown = "[...document.querySelectorAll('#fig01 .variant')].filter(one => one.checkVisibility()).length"
    assert page.value(shown) == 2
    page.click(".switch [data-preset=record]")
    assert page.value(shown) == 1
    assert page.value("[...document.querySelectorAll('[data-of=paper]')].some(one => one.checkVisibility())") is False
    assert page.value("document.querySelector('.switch [data-preset=record]').ariaPressed") == "true"
    page.click(".switch [data-preset='']")
    assert page.value(shown) == 2
    page.click("#data details summary")
    page.click("[data-filter]")
    page.call("Input.insertText", text="aps_30-q W1")
    assert page.value("document.querySelector('output').textContent").startswith("8 of ")
    rows = page.value(
        "[...document.querySelectorAll('#data tbody tr')].filter(x => x.checkVisibility()).map(x => x.innerText)"
    )
    assert len(rows) == 8
    assert all("aps_30-q-flow" in row for row in rows)
    for _ in range(2):
        page.click("#data table.sortable thead th:nth-child(6) button")
        last = page.value("document.querySelector('#data table.sortable tbody tr:last-child').cells[5].textContent")
        assert last == "–"


def test_keyboards_and_screen_readers_find_their_way(open_page):
    page = open_page()
    page.press("Tab")
    assert page.value("document.activeElement.className") == "skip"
    assert page.value("document.activeElement.getBoundingClientRect().left >= 0") is True
    page.press("Enter")
    assert page.value("document.activeElement.id") == "main"
    page.press("Tab")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.value(outline) == "solid"
    tree = page.call("Accessibility.getFullAXTree")["nodes"]
    found = {}
    for node in tree:
        if not node["ignored"]:
            found.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value", ""))
    assert found["navigation"] == ["Contents"]
    assert {kind: len(found.get(kind, [])) for kind in ("main", "banner", "contentinfo")} == {
        "main": 1, "banner": 1, "contentinfo": 1,
    }  # fmt: skip
    for role in ("button", "link", "image", "region", "heading"):
        assert found[role], role
        assert all(name.strip() for name in found[role]), role
    levels = page.value("[...document.querySelectorAll('h1, h2, h3, h4')].map(one => +one.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_on_paper_nothing_is_hidden_or_cut(open_page):
    page = open_page(dark=True)
    page.prefer(dark=True, media="print")
    assert page.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.value("document.querySelector('nav').checkVisibility()") is False
    assert page.value("document.querySelector('#fig01 img').checkVisibility()") is True
    assert page.value(CONTRAST)["faint"] == []
    assert len(page.call("Page.printToPDF")["data"]) > 10_000


def test_the_page_of_a_plan_fits_a_phone_and_can_be_read(open_page, tmp_path):
    jobs = [job("generate:muon", built=True), job("train:qqg_1e-3-q-diffusion-long-identity"), job("fig10", local=True)]
    costs = {one.name: assumed(one) for one in jobs}
    plan = Plan(jobs, costs, ["fig10"], "paper", "paper", "results", "profiles/slurm", "slurm")
    write_page(plan, tmp_path / "plan.html")
    page = open_page(tmp_path / "plan.html", width=360, height=740)
    page.value("document.querySelector('details').open = true")
    assert page.value("document.documentElement.scrollWidth") == 360
    assert page.value(WIDE) == []
    assert min(page.value("[...document.querySelectorAll('.timeline')].map(one => one.clientWidth)")) > 300
    for dark in (False, True):
        page.prefer(dark=dark)
        found = page.value(CONTRAST)
        assert found["read"] > 40
        assert found["faint"] == []
    assert page.fetched == page.complaints == []
