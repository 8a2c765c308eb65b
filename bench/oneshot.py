"""Topic: one question and its answer as a whole process, from a server on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.measure import OURS, Case, Figures, Row, Stage, command, spawned
from bench.server import serve

ROWS = (
    Row(key="oneshot.answer", label="one-shot answer without code", unit="ms"),
    Row(key="oneshot.code", label="one-shot answer by one step of code", unit="ms"),
)

ANSWER = "Forty-two it is."
CODE = f"I compute it.\n<code>\nfinal_answer({ANSWER!r})\n</code>"


def cases(stage: Stage) -> Iterator[Case]:
    """Yield ours with default flags and without packs, and the peers against the same servers.

    For the step of code smolagents evaluates inside its own process, smolterm starts its sandbox.
    """
    plain = serve(stage, "plain", {"text": ANSWER})
    code = serve(stage, "code", {"text": CODE})
    yield Case(who=OURS, take=_both(stage, plain, code))
    yield Case(who=f"{OURS} --no-packs", take=_both(stage, plain, code, "--no-packs"))
    if path := stage.peers.command("llm", "llm"):
        yield Case(who="llm", take=_llm(stage, path, plain))
    if path := stage.peers.command("smolagents", "smolagent"):
        argv = [path, "hi", "--model-type", "OpenAIModel", "--model-id", "scripted",
                "--api-base", code, "--api-key", "none-needed", "--tools"]  # fmt: skip
        yield Case(
            who="smolagents", take=lambda: {"oneshot.code": spawned(argv, stage, holds=ANSWER)}
        )


def _both(stage: Stage, plain: str, code: str, *flags: str) -> Callable[[], Figures]:
    argv = [command(), "-p", "hi", "-m", "openai/scripted", *flags, "--api-base"]
    return lambda: {
        "oneshot.answer": spawned([*argv, plain], stage, holds=ANSWER),
        "oneshot.code": spawned([*argv, code, "--yes"], stage, holds=ANSWER),
    }


def _llm(stage: Stage, path: str, url: str) -> Callable[[], Figures]:
    folder = stage.folder / "llm"
    folder.mkdir(exist_ok=True)
    (folder / "extra-openai-models.yaml").write_text(
        f"- model_id: scripted\n  model_name: scripted\n  api_base: {url}\n"
    )
    argv = [path, "-m", "scripted", "hi"]
    return lambda: {"oneshot.answer": spawned(argv, stage, holds=ANSWER)}
