"""Opening images that come from strangers: few formats, and no more pixels than fit in memory."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageOps, UnidentifiedImageError
from smolterm.pack import ToolError

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "ICO", "AVIF")
"""Not those whose reader starts another program, as EPS does."""
MOST_PIXELS = 100_000_000


@contextmanager
def read(content: bytes, path: str) -> Iterator[Image.Image]:
    """Open an image as it was stored, its pixels unread.

    Raises:
        ToolError: it is none, or too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            known = [name for name in FORMATS if name in _registered()]
            with Image.open(io.BytesIO(content), formats=known) as image:
                pixels = image.width * image.height
                if pixels > MOST_PIXELS:
                    raise ToolError(f"{path!r} has {pixels} pixels; {MOST_PIXELS} can be read.")
                yield image
    except ToolError:
        raise
    except UnidentifiedImageError:
        raise ToolError(
            f"{path!r} is no image that can be read.", next=f"Formats: {', '.join(FORMATS)}."
        ) from None
    except Image.DecompressionBombError:
        raise ToolError(f"{path!r} has too many pixels.") from None
    except (OSError, ValueError, SyntaxError, IndexError, KeyError, TypeError, EOFError) as error:
        # The library's words may quote the file.
        raise ToolError(f"{path!r} is damaged ({type(error).__name__}).") from None


@contextmanager
def opened(content: bytes, path: str) -> Iterator[Image.Image]:
    """Open the first picture of an image, turned as its camera asks, without its notes."""
    with read(content, path) as image:
        image.seek(0)
        image.load()
        seen = ImageOps.exif_transpose(image) or image
        if seen.mode in ("P", "PA"):
            seen = seen.convert("RGBA" if "transparency" in seen.info else "RGB")
        yield seen


def _registered() -> set[str]:
    Image.init()
    return set(Image.OPEN)
