"""Tables for people, in Markdown and TeX, and the numbers behind them as CSV: the one writer of all tables."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from tabulate import tabulate

from onshell.core.files import all_whole
from onshell.core.format import format_number

TEX = {"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#"}
TEX |= {"×": r"$\times$", "…": r"\dots{}", "–": "--", "τ": r"$\tau$", "±": r"$\pm$"}


class Cell(NamedTuple):
    """A text in TeX and in Markdown."""

    tex: str
    markdown: str


def cell(text: str) -> Cell:
    """Return plain text as a cell."""
    return Cell("".join(TEX.get(sign, sign) for sign in text), text.replace("|", "\\|"))


def grid(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, its first column to the left and all others to the right."""
    align = ["left", *["right"] * (len(head) - 1)]
    return tabulate(lines, list(head), "pipe", colalign=align, disable_numparse=True) + "\n"


@dataclass(frozen=True)
class Table:
    """A table: full numbers for programs, and rows of text for people, with a note below."""

    numbers: pd.DataFrame
    head: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    note: Cell | None = None
    rule_before_last: bool = False

    def tex(self) -> str:
        """Return the table in TeX with booktabs rules."""
        frame = pd.DataFrame([[one.tex for one in row] for row in self.rows], columns=[one.tex for one in self.head])
        columns = "l" + "r" * (len(self.head) - 1)
        lines = frame.style.hide(axis="index").to_latex(hrules=True, column_format=columns).splitlines()
        if self.rule_before_last:
            lines.insert(-3, "\\midrule")
        if self.note:
            lines.insert(-1, f"\\multicolumn{{{len(self.head)}}}{{l}}{{\\footnotesize {self.note.tex}}}")
        return "\n".join(lines) + "\n"

    def markdown(self) -> str:
        """Return the table in Markdown."""
        text = grid([one.markdown for one in self.head], [[one.markdown for one in row] for row in self.rows])
        return text + (f"\n{self.note.markdown}\n" if self.note else "")

    def save_all(self, stem: str | Path) -> None:
        """Write <stem>.csv (full numbers), .tex and .md, all or none."""
        paths = [Path(stem).with_name(f"{Path(stem).name}{suffix}") for suffix in (".csv", ".tex", ".md")]
        with all_whole(*paths) as (csv, tex, markdown):
            self.numbers.to_csv(csv, index=False, float_format="%.10g")
            tex.write_text(self.tex(), encoding="utf-8")
            markdown.write_text(self.markdown(), encoding="utf-8")


def number(value: float, digits: int = 3) -> Cell:
    """Return a number to `digits` significant ones, with an exponent below 1e-4."""
    text = format_number(value, digits)
    mantissa, _, exponent = text.partition("e")
    return Cell(rf"${mantissa}\times 10^{{{exponent}}}$" if exponent else text.replace("–", "--"), text)


def uncertain(mean: float, sd: float) -> Cell:
    """Return "mean ± sd", the sd to two significant digits and the mean to the same decimals."""
    if sd <= 0.0:
        return number(mean)
    scale = max(abs(mean), sd)
    power = math.floor(math.log10(scale)) if scale < 1e-3 else 0
    mean, sd = mean / 10.0**power, sd / 10.0**power
    decimals = max(0, 1 - math.floor(math.log10(sd)))
    tex, text = rf"{mean:.{decimals}f} \pm {sd:.{decimals}f}", f"{mean:.{decimals}f} ± {sd:.{decimals}f}"
    return Cell(rf"$({tex})\times 10^{{{power}}}$", f"({text})e{power}") if power else Cell(f"${tex}$", text)
