"""Collect what a scale produced into docs/results: `python docs/collect.py --scale desk --hardware "..." --time "..."`.

Copies every figure's PNG (at most WIDTH wide, few colours, at most SIZE bytes), every table and the summary, and writes
README.md, a page that shows them all with their captions. Run it in the repository.
"""

import argparse
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from onshell import config as configuration
from onshell.errors import OnshellError
from onshell.files import whole
from onshell.layout import Layout
from onshell.pages.captions import caption, first_sentence
from onshell.pages.pictures import SIZE, WIDTH, small_png

OURS = re.compile(r"(fig\d+\.png|(tab\d+|README)\.md|summary\.(md|csv))")
"""The names this script writes; nothing else in the folder is touched."""


def collect(
    layout: Layout, reports: Path, summary: Path | None, out: Path, *, hardware: str, time: str
) -> tuple[list[str], list[str]]:
    """Return the names of the products that were collected into `out`, and of those that do not exist yet."""
    config = layout.config
    there, missing, page = [], [], []
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        if OURS.fullmatch(old.name):
            old.unlink()
    for group, suffix in (("figures", "png"), ("tables", "md")):
        for name, entry in sorted(config[group].items()):
            source = Path(layout.product(group, name)[suffix])
            if not source.is_file():
                missing.append(name)
                continue
            there.append(name)
            page += [f"## {name}: {entry['title']}\n", first_sentence(caption(reports / f"{name}.rst")) + "\n"]
            target = out / source.name
            if group == "figures":
                target.write_bytes(small_png(source, WIDTH, SIZE))
                page.append(f"![{name}]({target.name})\n")
            else:
                shutil.copyfile(source, target)
                page.append(source.read_text(encoding="utf-8"))
    if not there:
        raise OnshellError(f"{layout.preset}: no figure and no table there; build some first")
    head = [f"# Results at scale `{config['scale']}`, preset `{config['preset']}`\n"]
    head += [f"{label}: {words}.\n" for label, words in (("Hardware", hardware), ("Total time", time)) if words]
    if summary and summary.with_suffix(".md").is_file():
        for kind in (".md", ".csv"):
            shutil.copyfile(summary.with_suffix(kind), out / f"summary{kind}")
        head.append("Every run beside its floor: [summary.md](summary.md); all numbers: [summary.csv](summary.csv).\n")
    else:
        missing.append("summary")
    with whole(out / "README.md") as part:
        part.write_text("\n".join([*head, *page]), encoding="utf-8")
    return there, missing


def main(arguments: Sequence[str] | None = None) -> None:
    """Collect the products that the arguments name."""
    parser = argparse.ArgumentParser(description="Collect figures, tables and the summary of a scale.")
    parser.add_argument("--config", default="config.yaml", help="the configuration")
    parser.add_argument("--scale", help="the scale, if not the configuration's")
    parser.add_argument("--preset", help="the preset, if not the configuration's")
    parser.add_argument("--summary", type=Path, help="the summary without suffix, if not <preset>/summary")
    parser.add_argument("--output", type=Path, default=Path("docs/results"), help="the folder to write to")
    parser.add_argument("--hardware", default="", help="what it ran on, in words")
    parser.add_argument("--time", default="", help="how long it took, in words")
    chosen = parser.parse_args(arguments)
    settings = [f"{key}={value}" for key in ("scale", "preset") if (value := getattr(chosen, key))]
    try:
        layout = Layout(configuration.load(chosen.config, settings))
        reports = Path(chosen.config).parent / "workflow" / "report"
        summary = chosen.summary or layout.preset / "summary"
        words = {"hardware": chosen.hardware.rstrip("."), "time": chosen.time.rstrip(".")}
        there, missing = collect(layout, reports, summary, chosen.output, **words)
    except OnshellError as error:
        sys.exit(f"collect: error: {error}")
    print(
        f"{chosen.output}: {len(there)} figures and tables" + (f"; not there: {', '.join(missing)}" if missing else "")
    )


if __name__ == "__main__":
    main()
