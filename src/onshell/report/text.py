"""Words of the page: captions and titles, and symbols as the paper prints them, such as E_1, cos theta, 1e-3."""

import re
from html import escape, unescape
from pathlib import Path

from markupsafe import Markup

from onshell.config import RUN_NAME, Config, datasets
from onshell.core.errors import OnshellError
from onshell.core.format import MINUS, format_number

GREEK = {"tau": "τ", "xi": "ξ", "theta": "θ", "phi": "φ", "gamma": "γ", "sigma": "σ"}
SUBSCRIPTED = r"(?<![\w>])({letters})_([A-Za-z0-9]+)(?![\w<])"
RULES = [
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"e\+e-"), "e<sup>+</sup>e<sup>−</sup>"),
    (re.compile(r"\bqbar\b"), "q\u0304"),
    (re.compile(r"\bqqg\b"), "qq\u0304g"),
    (re.compile(r"-&gt;"), "→"),
    (re.compile(r"\bWasserstein-1\b"), "Wasserstein\u20111"),
    (re.compile(r"\bln f\b"), "ln\u00a0<i>f</i>"),
    (re.compile(r"\bFrechet\b"), "Fréchet"),
    (re.compile(r"(?<![\w.])1e-0*(\d+)\b"), "10<sup>−\\1</sup>"),
    (re.compile(r"\b(\d[\d.]*)e-0*(\d+)\b"), "\\1 × 10<sup>−\\2</sup>"),
    (re.compile(r"\babs\(([^()]*)\)"), r"|\1|"),
    (re.compile(r"\blength of (Σ[A-Za-z])"), r"|\1|"),
    (re.compile(r"Σ([A-Za-z])_(\w+)"), r"Σ<i>\1</i><sub>\2</sub>"),
    (re.compile(r"Σ([A-Za-z])(?!\w)"), r"Σ<i>\1</i>"),
    (re.compile(r"\b([A-Za-z])\^(\d)_(\w+)\b"), r"<i>\1</i><sup>\2</sup><sub>\3</sub>"),
    (re.compile(SUBSCRIPTED.format(letters="[A-Za-z]|" + "|".join(GREEK.values()))), r"<i>\1</i><sub>\2</sub>"),
]
LETTER = re.compile(r"(?<![A-Za-z])(?:" + "|".join(GREEK) + r")(?![A-Za-z])")


def caption(path: Path) -> str:
    """Return the caption in a file as one line, `code` in backquotes; "" where there is none."""
    if not path.is_file():
        return ""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OnshellError(f"{path}: not readable as a caption; write it in UTF-8") from error
    return re.sub(r"\\(.)", r"\1", " ".join(text.split()).replace("``", "`"))


def first_sentence(text: str) -> str:
    """Return what stands before the first full stop that ends a sentence, and that."""
    return re.split(r"(?<=\.)\s", text, maxsplit=1)[0]


def subject_of(config: Config, group: str, name: str) -> str:
    """Return the process that a figure or table is about: the first in what it needs that is not uniform; else ""."""
    entry, known = config[group].get(name, {}), datasets(config)
    runs = [*entry.get("runs", {}).values(), *(config["forward"][key]["run"] for key in entry.get("forward", []))]
    named = [match["dataset"] for run in runs if (match := RUN_NAME.match(run))]
    named += [training_set.rpartition(".")[0] for training_set in entry.get("embedded", [])]
    found = [known[dataset] for dataset in [*named, *entry.get("events", [])] if dataset in known]
    return next((one.process for one in found if one.generator != "uniform"), "")


def format_text(text: str) -> Markup:
    """Return plain text as HTML, its symbols as the paper prints them; whatever else it holds is escaped."""
    found = LETTER.sub(lambda match: GREEK[match[0]], escape(text, quote=False))
    for pattern, replacement in RULES:
        found = pattern.sub(replacement, found)
    return Markup(found)


def format_cell(text: str) -> Markup:
    """Return a cell of a table as HTML, a power of ten raised and nothing broken at a line's end."""
    raised = re.sub(r"(\(.*?\))e(-?)(\d+)", r"\1 × 10<sup>\2\3</sup>", str(format_text(text)))
    return Markup(raised.replace("<sup>-", f"<sup>{MINUS}").replace(" × ", "\u2009×\u2009"))


def format_value(value: float, digits: int = 3) -> str:
    """Return a number with a true minus."""
    return format_number(value, digits).replace("-", MINUS)


def format_power(value: float) -> Markup:
    """Return a number to two digits as HTML, a small or large one with its power of ten."""
    mantissa, _, exponent = format_number(value, 2, trim=True).replace("-", MINUS).partition("e")
    return Markup("{}\u2009×\u200910<sup>{}</sup>").format(mantissa, exponent) if exponent else Markup(mantissa)


def format_observable(name: str) -> Markup:
    """Return the name of an observable as HTML: log10_E_min, cos_theta_plane, u_1, ln_f."""
    rest, before = name, ""
    for prefix, sign in (("log10_", "log<sub>10</sub>\u00a0"), ("cos_", "cos\u00a0"), ("ln_", "ln\u00a0")):
        if rest.startswith(prefix):
            rest, before = rest.removeprefix(prefix), before + sign
    letter, _, index = rest.partition("_")
    letter = GREEK.get(letter, letter)
    symbol = f"<i>{escape(letter)}</i>" if len(letter) == 1 else escape(letter)
    return Markup(before + symbol + (f"<sub>{escape(index.replace('_', ', '))}</sub>" if index else ""))


def plain(html: str) -> str:
    """Return HTML without its tags, for labels that are read aloud; an index is set off by a space."""
    spaced = str(html).replace("<sub>", " ").replace("<sup>", " ").replace("\u00a0", " ")
    return unescape(re.sub(r"<[^>]*>", "", spaced))


def capital(text: str) -> str:
    """Return a text with its first letter large, unless that is a symbol."""
    word = re.findall("^[a-z]*", text)[0]
    return text if len(word) < 3 or word in GREEK else text[0].upper() + text[1:]


def heading(title: str) -> tuple[Markup, str]:
    """Return a title as HTML, and the equation that stands in brackets at its end, "" where there is none."""
    match = re.fullmatch(r"(.*\S)\s*(\(\d+\))", title)
    return (format_text(capital(match[1])), match[2]) if match else (format_text(capital(title)), "")
