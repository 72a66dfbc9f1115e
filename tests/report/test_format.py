"""Plain words as people read them."""

import pytest

from onshell.report.format import capital, heading, observable, plain, typeset
from onshell.report.products import number, weight


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
    assert typeset(text) == html


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
    assert observable(name) == html
    assert plain(html) == words


def test_titles_begin_with_a_large_letter_unless_it_is_a_symbol():
    assert [capital(text) for text in ("muon decay", "ln f", "tau of", "e+e- to", "energy-momentum", "")] == [
        "Muon decay", "ln f", "tau of", "e+e- to", "Energy-momentum", "",
    ]  # fmt: skip
    assert heading("muon decay (15)") == ("Muon decay", "(15)")
    assert heading("mine") == ("Mine", "")


def test_powers_of_ten_and_sizes():
    assert number("(6.3 ± 1.9)e-4") == "(6.3 ± 1.9)\u2009×\u200910<sup>−4</sup>"
    assert number("1.05e-15") == "1.05\u2009×\u200910<sup>−15</sup>"
    assert [weight(x) for x in (12, 1234, 5.6e6, 7.89e9)] == ["12 bytes", "1 kB", "6 MB", "7.9 GB"]
