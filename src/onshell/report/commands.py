"""What `onshell page` does, as a plain function of paths."""

from pathlib import Path

from onshell.config import Config
from onshell.core.files import whole
from onshell.core.progress import Progress, log
from onshell.report.collect import gather
from onshell.report.page import page


def page_file(config: Config, captions: Path, out: Path, *, progress: Progress = log) -> None:
    """Write the page of the configuration's scale to `out`, from products that exist; equal products, equal bytes."""
    scale = gather(config, captions, out)
    text = page(scale)
    with whole(out) as part:
        part.write_text(text, encoding="utf-8")
    shown = f"figures and tables: {len(scale.exhibits)}, trainings: {len(scale.trainings)}, {len(text) / 1e6:.1f} MB"
    absent = sorted({name for names in scale.missing.values() for name in names})
    progress(f"{out}: {shown}" + (f"; not there: {', '.join(absent)}" if absent else ""))
