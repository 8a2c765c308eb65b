"""Making images of images. A new one carries pixels and colours alone, none of the notes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import PurePosixPath

from PIL import Image
from smolterm.pack import ToolError, files

from smolterm_images.opening import MOST_PIXELS, opened

LARGEST = 20_000
"""Pixels of one side."""
MOST_JOINED = 100
WRITTEN = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".gif": "GIF", ".bmp": "BMP",
    ".tif": "TIFF", ".tiff": "TIFF",
}  # fmt: skip
TURNS = {
    0: None, 90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}  # fmt: skip


def resized(image: Image.Image, width: int | None, height: int | None) -> Image.Image:
    """Return an image of another size."""
    if width is None and height is None:
        raise ToolError("Give `width`, `height` or both.")
    if width is None:
        width = max(1, round(image.width * _side(height) / image.height))
    if height is None:
        height = max(1, round(image.height * _side(width) / image.width))
    return image.resize(_size(width, height), Image.Resampling.LANCZOS)


def fitted(image: Image.Image, width: int, height: int | None) -> Image.Image:
    """Return an image that is no larger than asked, in its own shape."""
    if image.width <= _side(width):
        return image
    return resized(image, width, height)


def cropped(image: Image.Image, left: int, top: int, width: int, height: int) -> Image.Image:
    """Return a part of an image."""
    if min(left, top) < 0 or min(width, height) < 1:
        raise ToolError("`left` and `top` count from 0, `width` and `height` from 1.")
    if left + width > image.width or top + height > image.height:
        raise ToolError(f"The image has {image.width} x {image.height} pixels; this leads out.")
    return image.crop((left, top, left + width, top + height))


def turned(image: Image.Image, degrees: int, gray: bool) -> Image.Image:
    """Return an image turned clockwise, or without colours."""
    if degrees not in TURNS:
        raise ToolError("`rotate` is 0, 90, 180 or 270.")
    turn = TURNS[degrees]
    done = image.copy() if turn is None else image.transpose(turn)
    return done.convert("LA" if _has_alpha(done) else "L") if gray else done


def joined(paths: Sequence[str], columns: int, width: int) -> Image.Image:
    """Return a sheet of small images."""
    if not 0 < len(paths) <= MOST_JOINED or not 0 < columns <= MOST_JOINED:
        raise ToolError(f"Give 1 to {MOST_JOINED} paths and columns.")
    small: list[Image.Image] = []
    for path in paths:
        with opened(files.read(path), path) as image:
            small.append(resized(image.convert("RGB"), width, None))
    rows = [small[at : at + columns] for at in range(0, len(small), columns)]
    heights = [max(image.height for image in row) for row in rows]
    sheet = Image.new("RGB", _size(width * max(map(len, rows)), sum(heights)), "white")
    top = 0
    for row, height in zip(rows, heights, strict=True):
        for at, image in enumerate(row):
            sheet.paste(image, (at * width, top))
        top += height
    return sheet


def saved(image: Image.Image, target: str, quality: int = 85) -> dict[str, object]:
    """Write an image to the folder, and return what it is."""
    kind = WRITTEN.get(PurePosixPath(target).suffix.lower())
    if kind is None:
        raise ToolError(f"{target!r} names no format.", next=f"Endings: {', '.join(WRITTEN)}.")
    if not 1 <= quality <= 100:
        raise ToolError("`quality` is a number from 1 to 100.")
    size = files.write(target, _encoded(image, kind, quality))
    return {"path": target, "width": image.width, "height": image.height, "bytes": size}


def png(image: Image.Image) -> bytes:
    """Return an image as PNG."""
    return _encoded(image, "PNG", 85)


def _encoded(image: Image.Image, kind: str, quality: int) -> bytes:
    icc = image.info.get("icc_profile")
    plain = _without_alpha(image) if kind in ("JPEG", "BMP") else image
    if kind in ("PNG", "WEBP", "GIF") and plain.mode not in ("L", "LA", "RGB", "RGBA", "1", "I;16"):
        plain = plain.convert("RGB")
    # A copy without `info`: what a program wrote there would be written again.
    bare = Image.new(plain.mode, plain.size)
    bare.paste(plain)
    target = io.BytesIO()
    options = {"quality": quality} if kind in ("JPEG", "WEBP") else {}
    try:
        if icc and kind in ("JPEG", "PNG", "WEBP", "TIFF") and bare.mode == image.mode:
            bare.save(target, kind, icc_profile=icc, **options)
        else:
            bare.save(target, kind, **options)
    except (OSError, ValueError) as error:
        raise ToolError(f"It cannot be written as {kind}: {str(error)[:200]}.") from None
    return target.getvalue()


def _without_alpha(image: Image.Image) -> Image.Image:
    if not _has_alpha(image):
        return image if image.mode in ("L", "RGB") else image.convert("RGB")
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image.convert("RGBA"), mask=image.convert("RGBA").getchannel("A"))
    return ground


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA")


def _side(pixels: int | None) -> int:
    if pixels is None or not 1 <= pixels <= LARGEST:
        raise ToolError(f"A side has 1 to {LARGEST} pixels.")
    return pixels


def _size(width: int, height: int) -> tuple[int, int]:
    if _side(width) * _side(height) > MOST_PIXELS:
        raise ToolError(f"An image has at most {MOST_PIXELS} pixels.")
    return width, height
