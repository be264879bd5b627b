"""A picture that somebody uploaded, drawn anew: what comes out is made of its dots alone.

Invariant: a picture too large is refused by what its head says, before a dot of it is decoded; nothing that came with
it (profile, position, text, a second picture) is in what is written.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from gridgis.uploads.names import refused

MOST_PIXELS = 60_000_000
"""Of what is sent: an A0 plan at 150 dots an inch has 35 million."""
MOST_ACROSS = 4_096
"""Pixels across of what is written: what every graphics card takes as one picture."""
FORMATS = {"png": "PNG", "jpeg": "JPEG"}
QUALITY = 88


def redraw(path: Path, target: Path, *, kind: str) -> tuple[int, int]:
    """Write a picture as a JPEG on white, no larger than :data:`MOST_ACROSS`; give its width and height.

    Raises
    ------
    InputRefused
    """
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=[FORMATS[kind]]) as sent:
                _refuse_size(*sent.size)
                sent.draft("RGB", (MOST_ACROSS, MOST_ACROSS))
                turned: Any = ImageOps.exif_transpose(sent)
                turned.thumbnail((MOST_ACROSS, MOST_ACROSS))
                drawn = _on_white(turned)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise refused(f"has more than {MOST_PIXELS} pixels", "Scan it with fewer dots an inch") from None
        except (OSError, SyntaxError, ValueError):
            raise refused("is no whole picture", "Save it anew as PNG or JPEG") from None
    drawn.save(target, "JPEG", quality=QUALITY)
    return int(drawn.width), int(drawn.height)


def _refuse_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise refused(f"has more than {MOST_PIXELS} pixels", "Scan it with fewer dots an inch")
    if min(width, height) < 2:
        raise refused("is less than two pixels wide or high", "Send the scan itself")


def _on_white(picture: Any) -> Any:
    """A picture without transparency; 16 bits a dot become 8."""
    from PIL import Image

    if picture.mode.startswith("I"):
        picture = picture.point(lambda value: value / 256).convert("L")
    clear = picture.convert("RGBA")
    white = Image.new("RGBA", clear.size, "white")
    return Image.alpha_composite(white, clear).convert("RGB")
