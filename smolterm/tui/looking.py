"""The part of the app for reading: moving through the steps, looking closer, copying.

The screens are imported when they are first asked for.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from smolterm.printable import printable
from smolterm.tui.base import Base
from smolterm.tui.items import Piece, Step
from smolterm.tui.steps import Steps
from smolterm.tui.titles import Titles

if TYPE_CHECKING:
    from smolterm.tui.images import Decoder


class Looking(Base):
    """What a person does with the panes."""

    @cached_property
    def decoder(self) -> Decoder:
        from smolterm.tui.images import Decoder

        return Decoder()

    def on_steps_copy_asked(self, event: Steps.CopyAsked) -> None:
        self.copy(event.text, event.what)

    def on_steps_below_changed(self) -> None:
        self.redraw()

    def on_arranging_panes_changed(self, event: Steps.PanesChanged) -> None:
        self.query_one(Titles).show(event.panes, event.pane)
        if event.text:
            self.say(event.text)

    def on_steps_unlinked(self, event: Steps.Unlinked) -> None:
        self.say(event.text)

    def on_steps_read_asked(self, event: Steps.ReadAsked) -> None:
        from smolterm.tui.reading import Reading

        self.push_screen(Reading(event.step, event.pane))

    def on_steps_pager_asked(self, event: Steps.PagerAsked) -> None:
        self.run_worker(self._page(event.text, event.name), group="pager")

    async def _page(self, text: str, name: str) -> None:
        from smolterm.tui.external import open_pager

        if problem := await open_pager(self, text, name):
            self.say(problem)

    def on_steps_table_asked(self, event: Steps.TableAsked) -> None:
        from smolterm.tui.rowsview import RowsPage
        from smolterm.tui.tableview import GivenRows

        if event.name:
            columns = len(event.table.columns) + event.table.left_out
            self.push_screen(RowsPage(event.name, f"{event.table.total:,} × {columns:,}"))
        else:
            self.push_screen(GivenRows(event.table))

    # Pictures

    def on_steps_picture_asked(self, event: Steps.PictureAsked) -> None:
        work = self._enlarge(event.piece) if event.full else self._preview(event.step, event.piece)
        self.run_worker(work, group="pictures")

    async def _preview(self, step: Step, piece: Piece) -> None:
        """Decode an image for the output pane, and have its step drawn with it."""
        assert piece.image is not None
        piece.picture = await self.decoder.decode(piece.image)
        if self.view.at(step.number) is step:
            self.view.touch(step.number)
            self.redraw()

    async def _enlarge(self, piece: Piece) -> None:
        from smolterm.tui.graphics import way
        from smolterm.tui.images import FULL
        from smolterm.tui.imageview import ImagePage

        assert piece.image is not None
        picture = await self.decoder.decode(piece.image, FULL)
        words = " ".join(printable(str(piece.text)).split())
        self.push_screen(ImagePage(picture, words, way()))

    def action_end(self) -> None:
        self.query_one(Steps).action_last()
