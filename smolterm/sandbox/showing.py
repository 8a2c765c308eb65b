"""What a person is to look at rather than read: tables and images, as a cell makes them.

Runs inside the sandbox, so it needs nothing but the standard library.
"""

import base64
import io
import json
import sys
from importlib.machinery import PathFinder
from typing import Any

from smolterm.sandbox.glance import class_name, found_in_class, library_of
from smolterm.sandbox.tables import is_table, rows_of

SHOWN_ROWS = 20
SHOWN_COLUMNS = 12
MOST_SHOWN = 20
"""Of one cell."""
MOST_IMAGE = 4 * 1024 * 1024
"""Bytes."""
STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"RIFF")
PLOTS = "matplotlib.pyplot"


class Showing:
    """Shows what one cell after another makes.

    Args:
        post: sends a description as JSON and an image as Base64.
        flush: sends what was printed before.
        written: gives the text of what is neither table nor image.
    """

    def __init__(self, post: Any, flush: Any, written: Any) -> None:
        self._post, self._flush, self._written = post, flush, written
        self._left = MOST_SHOWN
        self._figures: list[Any] = []

    def begin(self) -> None:
        """Begin with a cell."""
        self._left = MOST_SHOWN
        self._figures = []

    def display(self, *values: Any) -> None:
        """Show each value to the person: a table or an image as such, anything else as text."""
        for value in values:
            if not self._shown(value, "", True):
                text = value if type(value) is str else self._written(value)
                print(text)  # noqa: T201  it is the code that prints

    def last(self, value: Any, name: str) -> None:
        """Show a cell's last value where it is a table or an image, beside its repr."""
        try:
            self._shown(value, name, False)
        except Exception:  # noqa: BLE001  drawing is foreign code, and its repr is there already
            return

    def figures(self) -> None:
        """Show the plots that are still open, and close them."""
        pyplot = sys.modules.get(PLOTS)
        if pyplot is None:
            return
        for number in pyplot.get_fignums():
            figure = pyplot.figure(number)
            if not any(figure is shown for shown in self._figures):
                self._shown(figure, "", True)
        pyplot.close("all")
        self._figures = []

    def _shown(self, value: Any, name: str, asked: bool) -> bool:
        """Show a value if it is something to look at; whether it is."""
        image = image_of(value, asked)
        if image is not None:
            if _is_figure(type(value)):
                self._figures.append(value)
            alt = "image" if type(value) in (bytes, bytearray) else class_name(value)
            self._send({"name": name, "alt": alt}, image)
            return True
        if not is_table(value):
            return False
        table = rows_of(value, 0, SHOWN_ROWS, SHOWN_COLUMNS)
        if table is None:
            return False
        self._send({"name": name, "alt": class_name(value), "table": table}, b"")
        return True

    def _send(self, about: dict[str, Any], image: bytes) -> None:
        self._left -= 1
        if self._left < 0:
            if self._left == -1:
                _complain(f"only {MOST_SHOWN} things of one cell are shown.")
            return
        if len(image) > MOST_IMAGE:
            _complain(f"this image has {len(image):,} bytes, more than {MOST_IMAGE:,}.")
            return
        self._flush()
        self._post(json.dumps(about), base64.b64encode(image).decode("ascii"))


def _complain(why: str) -> None:
    sys.stderr.write(f"display: {why}\n")


def image_of(value: Any, asked: bool) -> bytes | None:
    """Return the image that a value is; None: it is none.

    Args:
        asked: the code wants to show it; then bytes may be an image.
    """
    kind = type(value)
    if kind is bytes or kind is bytearray:
        return bytes(value) if asked and value[:8].startswith(STARTS) else None
    if library_of(kind):
        return None
    if _is_figure(kind):
        drawn = io.BytesIO()
        value.savefig(drawn, format="png")
        return drawn.getvalue()
    # Of a class itself, the method is its objects'.
    if not issubclass(kind, type) and callable(found_in_class(kind, "_repr_png_")):
        image = value._repr_png_()
        if type(image) is tuple and image:
            image = image[0]
        if type(image) is str:
            image = base64.b64decode(image)
        if type(image) is bytes and image.startswith(STARTS):
            return image
    return None


def _is_figure(kind: type) -> bool:
    library = sys.modules.get("matplotlib.figure")
    base = None if library is None else vars(library).get("Figure")
    return type(base) is type and issubclass(kind, base)


class Plots:
    """Lets `matplotlib.pyplot.show()` show, where no window can be opened."""

    def __init__(self, showing: Showing) -> None:
        self._showing = showing

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != PLOTS:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        real, showing = spec.loader.exec_module, self._showing

        def show(*args: Any, **kwargs: Any) -> None:
            """Show all open figures."""
            showing.figures()

        def exec_module(module: Any) -> None:
            real(module)
            module.show = show

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec
