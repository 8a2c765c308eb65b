"""Images: what a model can call."""

from __future__ import annotations

from smolterm.pack import files, tool

from smolterm_images import change, facts
from smolterm_images.opening import opened


@tool(effect="read")
def describe_image(path: str) -> dict[str, object]:
    """Tell an image's format and size, and what its camera wrote: when, where, with what.

    Returns:
        {"format": "JPEG", "width": 4000, "height": 3000, "mode": "RGB", "frames": 1, "bytes":
        2100000, "taken": "2026-01-31T12:00:00", "camera": "Canon EOS R5", "position":
        {"latitude": 50.73, "longitude": 7.1}, "exif": {"FNumber": 2.8}}; width and height are those
        seen, after turning the picture as its camera asks.
    """
    content = files.read(path)
    return facts.described(content, path)


@tool(effect="read")
def view_image(path: str, width: int = 800) -> bytes:
    """Return an image as PNG, at most so wide, to show it with display().

    Example:
        display(view_image("photo.jpg"))
    """
    with opened(files.read(path), path) as image:
        return change.png(change.fitted(image, width, None))


@tool(effect="write")
def resize_image(
    path: str, target: str, width: int | None = None, height: int | None = None
) -> dict[str, object]:
    """Write a smaller or larger image. With one of width and height it keeps its shape.

    Args:
        target: the path of the new file; its ending says the format.
        width: pixels.
        height: pixels.

    Returns:
        {"path": "small.jpg", "width": 800, "height": 600, "bytes": 91020}
    """
    with opened(files.read(path), path) as image:
        return change.saved(change.resized(image, width, height), target)


@tool(effect="write")
def crop_image(
    path: str, target: str, left: int, top: int, width: int, height: int
) -> dict[str, object]:
    """Write a part of an image; pixels count from its upper left corner.

    Returns:
        {"path": "part.png", "width": 200, "height": 100, "bytes": 9102}
    """
    with opened(files.read(path), path) as image:
        return change.saved(change.cropped(image, left, top, width, height), target)


@tool(effect="write")
def convert_image(
    path: str, target: str, quality: int = 85, rotate: int = 0, gray: bool = False
) -> dict[str, object]:
    """Write an image in another format, turned, or in shades of gray. Of moving ones, the first.

    Args:
        target: the path of the new file; .png, .jpg, .webp, .gif, .bmp or .tiff.
        quality: 1 to 100, of JPEG and WebP.
        rotate: degrees clockwise: 90, 180 or 270.

    Returns:
        {"path": "a.webp", "width": 800, "height": 600, "bytes": 41020}
    """
    with opened(files.read(path), path) as image:
        return change.saved(change.turned(image, rotate, gray), target, quality)


@tool(effect="write")
def remove_image_metadata(path: str, target: str) -> dict[str, object]:
    """Write an image without what its camera or a program noted: place, time, owner, preview.

    Returns:
        {"path": "clean.jpg", "width": 800, "height": 600, "bytes": 41020}
    """
    with opened(files.read(path), path) as image:
        return change.saved(image, target, 95)


@tool(effect="write")
def join_images(
    paths: list[str], target: str, columns: int = 4, width: int = 300
) -> dict[str, object]:
    """Write one image of several small ones side by side, in the order of their paths.

    Args:
        columns: how many stand in one row.
        width: pixels of each small one.

    Returns:
        {"path": "sheet.png", "width": 1200, "height": 900, "bytes": 910200}
    """
    return change.saved(change.joined(paths, columns, width), target)
