"""Turns an image's bytes on stdin into pixels on stdout, in a process that can do nothing else.

Run as a file of its own and without anything of ours imported: what a hostile image does to the
library that reads it, it does here, where there is no file to read, nothing to connect to and
little memory. A line of JSON says what came of it, then come the pixels.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import suppress

MOST_BYTES = 32 << 20
MOST_PIXELS = 50_000_000
MEMORY = 1 << 30
"""Bytes of addresses, Python and its libraries included."""
CPU_SECONDS = 10
KINDS = ("PNG", "JPEG", "GIF", "WEBP")


def main() -> None:
    """Decode one image, at most `argv[1]` × `argv[2]` pixels of it."""
    _limit()
    across, down = int(sys.argv[1]), int(sys.argv[2])
    try:
        head, pixels = _decoded(sys.stdin.buffer.read(MOST_BYTES + 1), across, down)
    except Exception as error:  # noqa: BLE001  whatever a library raises over such bytes
        head, pixels = {"failure": _words(error)}, b""
    out = sys.stdout.buffer
    out.write(json.dumps(head).encode() + b"\n" + pixels)
    out.flush()
    # Nothing of what was read is tidied up: it is hostile.
    os._exit(0)


def _limit() -> None:
    with suppress(ImportError):
        import resource as limits

        for name, most in (("AS", MEMORY), ("CPU", CPU_SECONDS), ("FSIZE", 0), ("CORE", 0)):
            with suppress(OSError, ValueError, AttributeError):
                limits.setrlimit(getattr(limits, f"RLIMIT_{name}"), (most, most))


def _decoded(data: bytes, across: int, down: int) -> tuple[dict[str, object], bytes]:
    if len(data) > MOST_BYTES:
        return {"failure": f"it has more than {MOST_BYTES >> 20} MiB"}, b""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    with Image.open(io.BytesIO(data), formats=KINDS) as opened:
        width, height = opened.size
        if width * height > MOST_PIXELS:
            return {"failure": f"it has {width:,} × {height:,} pixels"}, b""
        kind = opened.format
        opened.draft("RGB", (across, down))
        image = ImageOps.exif_transpose(opened)
    if image.size != opened.size and (image.width > image.height) != (width > height):
        width, height = height, width
    image.thumbnail((across, down))
    if image.has_transparency_data:
        # Plots are made for paper.
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    image = image.convert("RGB")
    head: dict[str, object] = {"width": width, "height": height, "kind": kind}
    return head | {"across": image.width, "down": image.height}, image.tobytes()


def _words(error: Exception) -> str:
    if isinstance(error, ImportError):
        return "Pillow is not installed"
    if isinstance(error, MemoryError):
        return "it takes too much memory"
    if type(error).__name__ == "UnidentifiedImageError":
        return "it is no PNG, JPEG, GIF or WebP"
    if "Decompression" in type(error).__name__:
        return "it has too many pixels"
    return f"it is damaged ({error})"[:200]


if __name__ == "__main__":
    main()
