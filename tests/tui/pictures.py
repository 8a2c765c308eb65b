"""Small images made on the spot."""

from __future__ import annotations

import io

from PIL import Image


def encoded(kind: str = "PNG", size: tuple[int, int] = (64, 48)) -> bytes:
    """Return an image in four colours, one a quarter."""
    image = Image.new("RGB", size)
    wide, high = size[0] // 2, size[1] // 2
    quarters = {
        (0, 0): "#f7768e",
        (wide, 0): "#9ece6a",
        (0, high): "#7aa2f7",
        (wide, high): "#e0af68",
    }
    for (x, y), colour in quarters.items():
        image.paste(colour, (x, y, x + wide, y + high))
    data = io.BytesIO()
    image.save(data, kind)
    return data.getvalue()
