"""Plain words as people read them."""

import pytest

from helpers.results import ROOT
from onshell import config as configuration
from onshell.core.errors import OnshellError
from onshell.report.text import (
    capital,
    caption,
    first_sentence,
    format_cell,
    format_observable,
    format_power,
    format_text,
    heading,
    plain,
    subject_of,
)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("e+e- -> q qbar g", "e<sup>+</sup>e<sup>−</sup> → q q\u0304 g"),
        ("(E_1, E_2) and p_ref", "(<i>E</i><sub>1</sub>, <i>E</i><sub>2</sub>) and <i>p</i><sub>ref</sub>"),
        ("cos theta of tau, xi", "cos θ of τ, ξ"),
        ("the cutoff 1e-3, 4.5e-16", "the cutoff 10<sup>−3</sup>, 4.5 × 10<sup>−16</sup>"),
        ("tau > m^2_cut / 2", "τ &gt; <i>m</i><sup>2</sup><sub>cut</sub> / 2"),
        ("a < b & `qqg_1e-3`", "a &lt; b &amp; <code>qqg_1e-3</code>"),
        ("state of taus", "state of taus"),
    ],
)
def test_captions_are_set_as_the_paper_prints_them(text, html):
    assert format_text(text) == html


@pytest.mark.parametrize(
    ("name", "html", "words"),
    [
        ("log10_E_min", "log<sub>10</sub>\u00a0<i>E</i><sub>min</sub>", "log 10 E min"),
        ("cos_theta_plane", "cos\u00a0<i>θ</i><sub>plane</sub>", "cos θ plane"),
        ("ln_f", "ln\u00a0<i>f</i>", "ln f"),
        ("u_1", "<i>u</i><sub>1</sub>", "u 1"),
        ("mine<b>", "mine&lt;b&gt;", "mine<b>"),
    ],
)
def test_observables_have_symbols_and_words(name, html, words):
    assert format_observable(name) == html
    assert plain(html) == words


def test_titles_begin_with_a_large_letter_unless_it_is_a_symbol():
    assert [capital(text) for text in ("muon decay", "ln f", "tau of", "e+e- to", "energy-momentum", "")] == [
        "Muon decay", "ln f", "tau of", "e+e- to", "Energy-momentum", "",
    ]  # fmt: skip
    assert heading("muon decay (15)") == ("Muon decay", "(15)")
    assert heading("mine") == ("Mine", "")


def test_powers_of_ten_are_raised():
    assert format_cell("(6.3 ± 1.9)e-4") == "(6.3 ± 1.9)\u2009×\u200910<sup>−4</sup>"
    assert format_cell("1.05e-15") == "1.05\u2009×\u200910<sup>−15</sup>"
    assert format_power(2.2e-16) == "2.2\u2009×\u200910<sup>−16</sup>"
    assert format_power(0.2) == "0.2"


def test_captions_are_one_line_without_marks(tmp_path):
    (tmp_path / "fig01.rst").write_text("What fig01 shows of E_1 and\n\\|q\\|. It says more.\n")
    assert caption(tmp_path / "fig01.rst") == "What fig01 shows of E_1 and |q|. It says more."
    assert first_sentence(caption(tmp_path / "fig01.rst")) == "What fig01 shows of E_1 and |q|."
    assert caption(tmp_path / "nothing.rst") == ""
    (tmp_path / "fig01.rst").write_bytes(b"\xff")
    with pytest.raises(OnshellError, match=r"fig01.rst: not readable as a caption"):
        caption(tmp_path / "fig01.rst")


def test_figures_and_tables_are_about_a_process():
    config = configuration.load(ROOT / "config.yaml")
    about = {"fig01": "muon", "fig16": "muon", "fig19": "qqg", "fig22": "aps", "fig06": "qqg", "fig12": "aps"}
    assert {name: subject_of(config, "figures", name) for name in about} == about
    assert [subject_of(config, "tables", name) for name in ("tab1", "tab2")] == ["aps", "muon"]
