"""Pictures small enough to travel: PNG of few colours, to be carried inside a page."""

import io
import math
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from onshell.core.errors import OnshellError

COLOURS = (256, 128, 64, 32, 16)
WIDTH, SIZE = 1400, 120_000
"""Pixels and bytes that a picture has at most, unless more are asked for."""


def small_png(path: Path, width: int = WIDTH, size: int = SIZE) -> bytes:
    """Return the PNG in `path` at most `width` wide, with as many colours, then as many pixels, as `size` bytes allow.

    Raises
    ------
    OnshellError
        When the file is no picture, or only the beginning of one.
    """
    try:
        with Image.open(path) as file:
            full = file.convert("RGBA")
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise OnshellError(f"{path}: not readable as a picture; delete it, and draw it again") from error
    image = Image.new("RGB", full.size, "white")
    image.paste(full, mask=full.getchannel("A"))
    width = min(width, image.width)
    while True:
        scaled = image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
        for colours in COLOURS:
            packed = io.BytesIO()
            scaled.quantize(colours, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
            if packed.tell() <= size:
                return packed.getvalue()
        width = math.floor(0.85 * width)
