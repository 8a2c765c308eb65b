"""`smolterm demo`: the main job with a recorded model and everything else real."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from smolterm.errors import UsageError

if TYPE_CHECKING:
    from smolterm.session import Session

HERE = Path(__file__).parent
DATA = HERE / "data"
REPLIES = HERE / "replies.jsonl"
TASK = (
    "Which city earned most in March 2026, and what sold best there? The orders are in orders.csv."
)
BANNER = (
    "DEMO: the model's replies are recorded; the sandbox, the tools and your decisions are real"
)


def demo_session(*, yes: bool = False) -> Session:
    """Return the demo's session: a recorded model, a real sandbox, the files pack on its data.

    Raises:
        UsageError: the pack that the recorded code calls is not installed.
    """
    from smolterm.build import build_session
    from smolterm.config import Settings
    from smolterm.models.hosted import HostedModel
    from smolterm.packs.using import Leave, pack_of_ours

    try:
        packs = [pack_of_ours("smolterm_files", Leave(folder=DATA))]
    except UsageError:
        raise UsageError(
            "The demo calls tools of the pack smolterm-files, which is not installed.",
            next="pip install smolterm-files (from a checkout: ./plugins/smolterm-files).",
        ) from None
    settings = Settings(folder=str(DATA), save=False)
    model = HostedModel(f"replay:{REPLIES}")
    return build_session(settings, model=model, yes=yes, packs=packs)


def run_demo(*, plain: bool) -> int:
    """Run the demo: the TUI, or the same task in plain text with every step approved.

    Raises:
        UsageError: the pack that the recorded code calls is not installed.
    """
    session = demo_session(yes=plain)
    if not plain:
        import gc

        gc.disable()  # as in cli.py; the app turns it on again
        from smolterm.tui.app import run_app

        return run_app(session, first_task=TASK, banner=BANNER)

    import sys

    from smolterm.inputs import Sink
    from smolterm.oneshot import Once, run_once
    from smolterm.process import run_to_exit

    async def work() -> int:
        print(f"smolterm: {BANNER}; each step is approved.\nsmolterm: {TASK}", file=sys.stderr)
        try:
            once = Once(task=TASK, coloured=sys.stderr.isatty())
            return await run_once(session, once, Sink())
        finally:
            await session.close()

    return run_to_exit(work())
