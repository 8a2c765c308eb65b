"""The images pack in its own process: every tool, checked as the engine checks it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hosting import hosting
from smolterm.errors import ToolError
from smolterm.packs.doors.grant import Grant
from test_images_pack import halves, photo


def test_every_tool_works_in_the_packs_process(tmp_path: Path) -> None:
    folder = tmp_path / "granted"
    folder.mkdir()
    photo(folder / "a.jpg")
    halves().save(tmp_path / "secret.png")
    grant = Grant(pack="images", folder=str(folder), read=("**",), write=("**",))
    with hosting("smolterm_images", grant) as images:
        assert images.describe_image("a.jpg")["camera"] == "Canon EOS R5"
        assert images.view_image("a.jpg", width=20).startswith(b"\x89PNG")
        assert images.resize_image("a.jpg", "b.webp", width=20)["height"] == 10
        assert images.crop_image("a.jpg", "c.png", 0, 0, 4, 4)["width"] == 4
        assert images.convert_image("a.jpg", "d.png", rotate=90)["width"] == 20
        images.remove_image_metadata("a.jpg", "e.jpg")
        images.join_images(["b.webp", "c.png"], "f.png")
        assert images.called == images.names
        with pytest.raises(ToolError):
            images.view_image("../secret.png")
    assert {each.name for each in folder.iterdir()} == {
        "a.jpg", "b.webp", "c.png", "d.png", "e.jpg", "f.png",
    }  # fmt: skip
