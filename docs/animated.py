"""Screens as one SVG file that shows them one after the other.

Textual draws each screen as an SVG of its own. What they share, styles and equal runs of text, is
written once. Nothing is fetched to look at it, and the same frames make the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.etree import ElementTree as etree
from xml.sax.saxutils import escape

from rich.cells import cell_len

SVG = "{http://www.w3.org/2000/svg}"
SECONDS = 3.5
"""For which each frame stands."""
CAPTION = 64
"""Height of the line below the screen, in the units of the drawing."""
CELL, LINE, ASCENT = 12.2, 24.4, 18.5
"""Width of a character, height of a line, and how far above its text it begins."""
BARS = {"▌": (0.0, CELL / 2), "▎": (0.0, CELL / 4), "│": (5.5, 1.2), "█": (0.0, CELL)}
"""What is drawn without gaps between lines: where in its cell it begins, and how wide it is."""
EDGE = 9
"""Room around the screen."""
MODES = {"step": "#7aa2f7", "effects": "#73daca", "plan": "#bb9af7", "auto": "#e0af68"}

STYLE = """\
svg { font-family: "Fira Code", "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 20px }
.f { visibility: hidden; animation: f %(all)gs step-end infinite }
.f0 { visibility: visible }
@keyframes f { 0%% { visibility: visible } %(share).4f%% { visibility: hidden } }
%(delays)s
@media (prefers-reduced-motion: reduce) { .f { animation: none } }
"""


class Frame(NamedTuple):
    """A screen, and what to say of it."""

    svg: str
    """As `App.export_screenshot` returns it."""
    mode: str
    key: str
    """That is about to be pressed, or was."""
    caption: str


class Box(NamedTuple):
    """One line high, and looks like this."""

    look: str
    x: float
    y: float
    width: float


def animate(frames: Sequence[Frame], title: str, seconds: float = SECONDS) -> str:
    """Return one SVG file of all frames; where nothing may move it stays at the first.

    Raises:
        ValueError: a frame still refers to something outside of the file.
    """
    looks: dict[str, str] = {}
    bodies = [list(_body(frame.svg, looks)) for frame in frames]
    width, height = _size(frames[0].svg)
    delays = "\n".join(
        f".f{n} {{ animation-delay: {n * seconds:g}s }}" for n in range(1, len(frames))
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height + CAPTION:g}" '
        f'role="img" aria-label="{_quoted(title)}">',
        f"<title>{escape(title)}</title>",
        "<style>",
        STYLE % {"all": seconds * len(frames), "share": 100 / len(frames), "delays": delays},
        *(f".{name} {{ {look} }}" for look, name in looks.items()),
        "</style>",
        f'<rect width="{width:g}" height="{height + CAPTION:g}" rx="8" fill="#11131c"/>',
    ]
    for number, (frame, body) in enumerate(zip(frames, bodies, strict=True)):
        parts += [f'<g class="f f{number}">', *body]
        parts += [*_caption(frame, number, len(frames), width, height), "</g>"]
    whole = "\n".join([*parts, "</svg>", ""])
    if re.search(r"url\(|https?://(?!www\.w3\.org/2000/svg)", whole):
        raise ValueError("the picture refers to something outside of its file")
    return whole


def _body(svg: str, looks: dict[str, str]) -> Iterator[str]:
    """Yield what one screen shows; its classes are renamed to those that all frames share."""
    root = etree.fromstring(svg)  # noqa: S314  drawn by Textual a moment ago
    style = root.findtext(f"{SVG}style") or ""
    names = {}
    for name, look in re.findall(r"\.(terminal-\d+-r\d+) \{ (.*?);? \}", style):
        names[name] = looks.setdefault(look, f"r{len(looks)}")
    screen = next(g for g in root.iter(f"{SVG}g") if "clip-terminal" in g.get("clip-path", ""))
    boxes = [
        Box(f'fill="{node.get("fill")}"', *_numbers(node, "x", "y", "width"))
        for node in screen.iter(f"{SVG}rect")
    ]
    bars: list[Box] = []
    words: list[str] = []
    for node in screen.iter(f"{SVG}text"):
        for part, x in _parts(node):
            look, (y,) = f'class="{names[node.get("class", "")]}"', _numbers(node, "y")
            if part[0] in BARS:
                left, wide = BARS[part[0]]
                bars.append(Box(look, x + left, y - ASCENT, wide))
            else:
                words.append(_said(part, x, y, look))
    yield f'<g transform="translate({EDGE} {EDGE})">'
    yield from _rectangles(boxes)
    yield from _rectangles(bars)
    yield from words
    yield "</g>"


def _parts(node: etree.Element) -> Iterator[tuple[str, float]]:
    """Yield words and where they begin: viewers do different things to spaces and to bars."""
    text = (node.text or "").replace("\xa0", " ")
    (x,) = _numbers(node, "x")
    bars = "".join(BARS)
    for part in re.finditer(rf"[{bars}]|[^\s{bars}]+(?: [^\s{bars}]+)*", text):
        yield part[0], x + cell_len(text[: part.start()]) * CELL


def _rectangles(boxes: list[Box]) -> Iterator[str]:
    """Yield as few rectangles as show the same, for seams would show between them."""
    rows: dict[float, list[Box]] = {}
    for box in boxes:
        row = rows.setdefault(box.y, [])
        last = row[-1] if row else None
        if last is not None and last.look == box.look and abs(last.x + last.width - box.x) < 0.1:
            row[-1] = last._replace(width=box.x + box.width - last.x)
        else:
            row.append(box)
    growing: dict[tuple[str, float, float], Box] = {}
    tall: dict[Box, float] = {}
    for _, row in sorted(rows.items()):
        for box in row:
            above = growing.get((box.look, box.x, box.width))
            first = above if above is not None and box.y - tall[above] < 1 else box
            growing[box.look, box.x, box.width] = first
            tall[first] = box.y + LINE
    for box, end in sorted(tall.items()):
        yield (f'<rect x="{box.x:.6g}" y="{box.y:.6g}" width="{box.width:.6g}" '
               f'height="{end - box.y:.6g}" {box.look}/>')  # fmt: skip


def _numbers(node: etree.Element, *names: str) -> list[float]:
    return [float(node.get(name, 0)) for name in names]


def _caption(frame: Frame, number: int, count: int, width: float, height: float) -> Iterator[str]:
    """Yield the line below: the mode, the key in a cap of its own, what happens, how far it is."""
    middle, at = height + CAPTION / 2 - 4, 20.0
    colour = MODES[frame.mode]
    wide = (len(frame.mode) + 2) * CELL
    yield (f'<rect x="{at:g}" y="{middle - 19:g}" width="{wide:g}" height="38" rx="6" '
           f'fill="{colour}"/>')  # fmt: skip
    yield _said(frame.mode, at + CELL, middle + 7, 'fill="#11131c" font-weight="bold"')
    at += wide + 2 * CELL
    wide = (len(frame.key) + 2) * CELL
    yield (f'<rect x="{at:g}" y="{middle - 18:g}" width="{wide:g}" height="36" rx="6" '
           f'fill="#2a3049" stroke="#6b7394"/>')  # fmt: skip
    yield _said(frame.key, at + CELL, middle + 7, 'fill="#ffffff" font-weight="bold"')
    yield _said(frame.caption, at + wide + 1.5 * CELL, middle + 7, 'fill="#c8d0e8"')
    for dot in range(count):
        x = width - 24 - (count - 1 - dot) * 18
        fill = colour if dot == number else "#2a3049"
        yield f'<circle cx="{x:g}" cy="{middle:g}" r="5" fill="{fill}"/>'


def _said(text: str, x: float, y: float, look: str) -> str:
    """Return text that is as wide as its cells, whichever font draws it."""
    length = cell_len(text) * CELL
    return (f'<text x="{x:.6g}" y="{y:.6g}" textLength="{length:.6g}" {look}>'
            f"{escape(text)}</text>")  # fmt: skip


def _size(svg: str) -> tuple[float, float]:
    """Return the room that the screen needs, without the frame that Textual draws around it."""
    root = etree.fromstring(svg)  # noqa: S314  drawn by Textual a moment ago
    clip = root.find(f"{SVG}defs/{SVG}clipPath/{SVG}rect")
    if clip is None:
        raise ValueError("this is no screen")
    width, height = _numbers(clip, "width", "height")
    return width + 2 * EDGE, height + 2 * EDGE


def _quoted(text: str) -> str:
    return escape(text, {'"': "&quot;"})
