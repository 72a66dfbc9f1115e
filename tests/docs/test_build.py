"""The pages are built without a warning, hold every module and formula, and fetch nothing."""

import pkgutil
import re
import subprocess
import sys

import pytest

import onshell
from helpers.pages import DOCS, PAGES

pytest.importorskip("sphinx", reason="pip install -e '.[docs]'")

# One process builds them for all tests.
pytestmark = [pytest.mark.docs, pytest.mark.timeout(600)]

FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc="([^"]*)"|<link\b[^>]*\bhref="([^"]*)"|url\(([^)]*)\)"""
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the built pages."""
    out = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", "-d", out / "trees"]
    done = subprocess.run([*command, DOCS, out / "html"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return out / "html"


def test_every_page_is_there(built):
    for page in PAGES:
        assert (built / page.relative_to(DOCS).with_suffix(".html")).exists()


def test_nothing_is_fetched_from_elsewhere(built):
    seen = 0
    for path in [*built.rglob("*.html"), *built.rglob("*.css")]:
        for match in FETCHED.finditer(path.read_text(encoding="utf-8")):
            address = next(filter(None, match.groups()), "").strip("'\"")
            seen += 1
            assert not re.match(r"(https?:)?//", address), f"{path.name}: {address}"
    assert seen > 50


def test_formulas_are_mathml_with_the_numbers_of_the_paper(built):
    for name in ("phase-space", "models"):
        source = (DOCS / "physics" / f"{name}.md").read_text()
        page = (built / "physics" / f"{name}.html").read_text(encoding="utf-8")
        tags = re.findall(r"\\tag\{(\d+)\}", source)
        assert len(tags) >= 7
        assert (
            page.count('<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">') == source.count("$$") // 2
        )
        assert re.findall(r'<span class="number">\((\d+)\)</span>', page) == tags
        assert r"\frac" not in page
        # The reader of TeX takes \frac12 for 12 over what follows.
        assert not re.search(r"frac\d", source)
    assert (built / "_static" / "STIXTwoMath-Regular.ttf").stat().st_size > 1e5


def test_every_module_has_a_place_in_the_reference(built):
    pages = "".join(path.read_text(encoding="utf-8") for path in (built / "reference" / "api").glob("*.html"))
    rooms = (
        "physics",
        "events",
        "models",
        "training",
        "sampling",
        "evaluation",
        "figures",
        "planning",
        "doctor",
        "pages",
    )
    names = [
        module.name
        for room in rooms
        for module in pkgutil.walk_packages([f"{onshell.__path__[0]}/{room}"], f"onshell.{room}.")
    ]
    assert len(names) > 100
    missing = [name for name in names if f'id="module-{name}"' not in pages]
    assert not missing
    # What a constant says is no type, and |q| in a docstring no markup.
    assert "Largest tau of three massless particles: three equal energies" in pages
    assert "|q|" in pages


def test_the_reference_of_the_command_line_has_every_verb(built):
    page = (built / "reference" / "cli.html").read_text(encoding="utf-8")
    for verb in ("generate", "show", "train", "sample", "metrics", "plan"):
        assert f"Usage: onshell {verb} " in page
