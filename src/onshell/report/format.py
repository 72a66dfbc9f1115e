"""Plain captions and names of observables as people read them: e+e- -> q qbar g, E_1, cos theta, 1e-3."""

import re
from html import escape, unescape

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


def typeset(text: str) -> str:
    """Return plain text as HTML, its symbols as the paper prints them; whatever else it holds is escaped."""
    found = LETTER.sub(lambda match: GREEK[match[0]], escape(text, quote=False))
    for pattern, replacement in RULES:
        found = pattern.sub(replacement, found)
    return found


def observable(name: str) -> str:
    """Return the name of an observable as HTML: log10_E_min, cos_theta_plane, u_1, ln_f."""
    rest, before = name, ""
    for prefix, sign in (("log10_", "log<sub>10</sub>\u00a0"), ("cos_", "cos\u00a0"), ("ln_", "ln\u00a0")):
        if rest.startswith(prefix):
            rest, before = rest.removeprefix(prefix), before + sign
    letter, _, index = rest.partition("_")
    letter = GREEK.get(letter, letter)
    symbol = f"<i>{escape(letter)}</i>" if len(letter) == 1 else escape(letter)
    return before + symbol + (f"<sub>{escape(index.replace('_', ', '))}</sub>" if index else "")


def plain(html: str) -> str:
    """Return HTML without its tags, for labels that are read aloud; an index is set off by a space."""
    spaced = html.replace("<sub>", " ").replace("<sup>", " ").replace("\u00a0", " ")
    return unescape(re.sub(r"<[^>]*>", "", spaced))


def capital(text: str) -> str:
    """Return a text with its first letter large, unless that is a symbol."""
    word = re.match("[a-z]*", text)[0]
    return text if len(word) < 3 or word in GREEK else text[0].upper() + text[1:]


def heading(title: str) -> tuple[str, str]:
    """Return a title as HTML, and the equation that stands in brackets at its end, "" where there is none."""
    match = re.fullmatch(r"(.*\S)\s*(\(\d+\))", title)
    return (typeset(capital(match[1])), match[2]) if match else (typeset(capital(title)), "")
