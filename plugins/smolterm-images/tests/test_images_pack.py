"""Images through the doors of a granted folder."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from smolterm.pack import Denied, ToolError
from smolterm.packs.find import read_pack
from smolterm.packs.testing import bound

import smolterm_images as images


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    granted = tmp_path / "granted"
    granted.mkdir()
    with bound(folder=granted, write=["**"], native=True):
        yield granted


def halves(width: int = 40, height: int = 20, mode: str = "RGB") -> Image.Image:
    """Return an image whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    return image.convert(mode)


def photo(path: Path, orientation: int = 1) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Canon", "Canon EOS R5", orientation
    exif[0x0132] = "2026:02:01 00:00:00"
    exif.get_ifd(0x8769)[0x9003] = "2026:01:31 12:30:00"
    exif.get_ifd(0x8769)[0x829D] = 2.8
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (50.0, 43.0, 48.0), "W", (7.0, 6.0, 0.0)
    halves().save(path, exif=exif, quality=95, comment=b"by Ann")


def look(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def near(image: Image.Image, place: tuple[int, int], color: tuple[int, int, int]) -> bool:
    found: Any = image.convert("RGB").getpixel(place)
    return all(abs(a - b) < 40 for a, b in zip(found, color, strict=True))


RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_a_photo_tells_when_where_and_with_what_it_was_taken(folder: Path) -> None:
    photo(folder / "a.jpg")
    about = images.describe_image("a.jpg")
    exif = about.pop("exif")
    assert about == {
        "format": "JPEG", "width": 40, "height": 20, "mode": "RGB", "frames": 1,
        "bytes": (folder / "a.jpg").stat().st_size, "taken": "2026-01-31T12:30:00",
        "camera": "Canon EOS R5", "position": {"latitude": 50.73, "longitude": -7.1},
    }  # fmt: skip
    assert isinstance(exif, dict) and exif["FNumber"] == 2.8 and exif["Make"] == "Canon"


def test_an_image_without_notes_is_described(folder: Path) -> None:
    halves(mode="RGBA").save(folder / "a.png")
    frames = [halves(), halves().rotate(180)]
    frames[0].save(folder / "a.gif", save_all=True, append_images=frames[1:])
    about = images.describe_image("a.png")
    assert (about["mode"], about["taken"], about["camera"], about["position"], about["exif"]) == (
        "RGBA", None, None, None, {},
    )  # fmt: skip
    assert images.describe_image("a.gif")["frames"] == 2


def test_a_picture_is_seen_as_its_camera_was_held(folder: Path) -> None:
    photo(folder / "a.jpg", orientation=6)
    about = images.describe_image("a.jpg")
    assert (about["width"], about["height"]) == (20, 40)
    images.convert_image("a.jpg", "b.png")
    turned = look(folder / "b.png")
    assert turned.size == (20, 40) and near(turned, (10, 5), RED) and near(turned, (10, 35), BLUE)


def test_images_are_resized(folder: Path) -> None:
    halves().save(folder / "a.png")
    answer = images.resize_image("a.png", "out/b.png", width=20)
    size = (folder / "out" / "b.png").stat().st_size
    assert answer == {"path": "out/b.png", "width": 20, "height": 10, "bytes": size}
    assert images.resize_image("a.png", "c.jpg", height=40)["width"] == 80
    images.resize_image("a.png", "d.png", width=7, height=9)
    assert look(folder / "d.png").size == (7, 9)
    for wrong in ({}, {"width": 0}, {"width": 20_001}, {"width": 20_000, "height": 20_000}):
        with pytest.raises(ToolError):
            images.resize_image("a.png", "e.png", **wrong)


def test_a_part_is_cut_out(folder: Path) -> None:
    halves().save(folder / "a.png")
    images.crop_image("a.png", "b.png", 10, 5, 20, 10)
    part = look(folder / "b.png")
    assert part.size == (20, 10) and near(part, (9, 5), RED) and near(part, (10, 5), BLUE)
    for wrong in ((-1, 0, 5, 5), (0, 0, 0, 5), (30, 0, 20, 5), (0, 15, 5, 6)):
        with pytest.raises(ToolError):
            images.crop_image("a.png", "c.png", *wrong)


@pytest.mark.parametrize("target", ["b.png", "b.jpg", "b.webp", "b.gif", "b.bmp", "b.tiff"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "CMYK", "1"])
def test_every_format_is_made_of_every_mode(folder: Path, target: str, mode: str) -> None:
    halves(mode=mode).save(folder / "a.tiff") if mode != "LA" else halves(mode=mode).save(
        folder / "a.tiff", "PNG"
    )
    answer = images.convert_image("a.tiff", target, quality=95)
    made = look(folder / target)
    assert made.size == (40, 20) == (answer["width"], answer["height"])
    if mode in ("RGB", "RGBA", "P", "CMYK"):
        assert near(made, (5, 5), RED) and near(made, (35, 5), BLUE)


def test_what_is_seen_through_becomes_white(folder: Path) -> None:
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(folder / "a.png")
    images.convert_image("a.png", "b.jpg")
    assert near(look(folder / "b.jpg"), (1, 1), (255, 255, 255))
    images.convert_image("a.png", "c.webp")
    seen: Any = look(folder / "c.webp").getpixel((1, 1))
    assert seen[3] == 0


def test_images_are_turned_and_lose_colours(folder: Path) -> None:
    halves().save(folder / "a.png")
    images.convert_image("a.png", "b.png", rotate=90)
    turned = look(folder / "b.png")
    assert turned.size == (20, 40) and near(turned, (10, 5), RED)
    images.convert_image("a.png", "c.png", gray=True)
    assert look(folder / "c.png").mode == "L"
    for wrong in ({"rotate": 45}, {"quality": 0}):
        with pytest.raises(ToolError):
            images.convert_image("a.png", "d.jpg", **wrong)
    with pytest.raises(ToolError, match="no format"):
        images.convert_image("a.png", "d.eps")


@pytest.mark.parametrize("target", ["b.jpg", "b.png", "b.webp", "b.tiff"])
def test_notes_are_removed(folder: Path, target: str) -> None:
    photo(folder / "a.jpg")
    images.remove_image_metadata("a.jpg", target)
    about = images.describe_image(target)
    assert (about["taken"], about["camera"], about["position"]) == (None, None, None)
    raw = (folder / target).read_bytes()
    assert b"Canon" not in raw and b"by Ann" not in raw
    assert near(look(folder / target), (5, 5), RED)


def test_images_are_joined(folder: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        halves().save(folder / name)
    answer = images.join_images(["a.png", "b.png", "c.png"], "d.png", columns=2, width=20)
    assert (answer["width"], answer["height"]) == (40, 20)
    sheet = look(folder / "d.png")
    assert near(sheet, (5, 15), RED) and near(sheet, (35, 5), BLUE)
    assert near(sheet, (30, 15), (255, 255, 255))
    with pytest.raises(ToolError, match="paths"):
        images.join_images([], "d.png")


def test_an_image_is_returned_to_be_shown(folder: Path) -> None:
    halves(2_000, 100).save(folder / "a.jpg")
    shown = images.view_image("a.jpg")
    assert shown.startswith(b"\x89PNG\r\n\x1a\n")
    assert Image.open(io.BytesIO(shown)).size == (800, 40)
    assert Image.open(io.BytesIO(images.view_image("a.jpg", width=5_000))).size == (2_000, 100)


def bomb(width: int, height: int) -> bytes:
    """Return a PNG that says of itself that it is large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = b""
    for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")):
        parts += struct.pack(">I", len(body)) + kind + body
        parts += struct.pack(">I", zlib.crc32(kind + body))
    return b"\x89PNG\r\n\x1a\n" + parts


def test_damaged_and_hostile_images_are_refused(folder: Path) -> None:
    halves().save(folder / "good.png")
    good = (folder / "good.png").read_bytes()
    hostile = {
        "text.png": b"hello", "empty.png": b"", "cut.png": good[:60],
        "bomb.png": bomb(10_001, 10_000),
        "huge.png": bomb(60_000, 60_000),
        "page.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    }  # fmt: skip
    for name, raw in hostile.items():
        (folder / name).write_bytes(raw)
        with pytest.raises(ToolError):
            images.convert_image(name, "out.png")
    assert not (folder / "out.png").exists()


def test_only_the_folder_is_reached(folder: Path) -> None:
    halves().save(folder.parent / "secret.png")
    halves().save(folder / "a.png")
    for path in ("../secret.png", str(folder.parent / "secret.png")):
        with pytest.raises(Denied):
            images.view_image(path)
        with pytest.raises(Denied):
            images.convert_image("a.png", path)
    with bound(folder=folder, native=True), pytest.raises(Denied, match="reading only"):
        images.convert_image("a.png", "b.png")


def test_the_manifest_fits_the_tools() -> None:
    found = read_pack("images", "smolterm_images")
    assert found.manifest is not None
    effects = {name: entry.effect for name, entry in found.manifest.tools.items()}
    assert effects == {name: getattr(images, name).effect for name in effects}
