"""`python -m bench`: measures everything in one sitting and prints one table."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench import (
    engine,
    freeze,
    keys,
    local,
    oneshot,
    packs,
    prompt,
    prompt_size,
    resume,
    sandbox,
    start,
    stream,
)
from bench.measure import Failed, Series, Stage, in_rows, take_turns
from bench.peers import Peers
from bench.table import as_json, facts, markdown, write_between

TOPICS = {
    "start": start,
    "prompt": prompt,
    "prompt_size": prompt_size,
    "oneshot": oneshot,
    "sandbox": sandbox,
    "packs": packs,
    "engine": engine,
    "stream": stream,
    "keys": keys,
    "resume": resume,
    "local": local,
    "freeze": freeze,
}
NEED_SANDBOX = ("oneshot", "sandbox", "packs")


def main(argv: list[str] | None = None) -> int:
    """Measure, print, write; 1 when smolterm itself failed at something."""
    arguments = _parser().parse_args(argv)
    runs = 2 if arguments.quick else arguments.runs
    peers = Peers()
    if arguments.with_peers:
        peers.install(_say)
    series, failed = measured(arguments.only or list(TOPICS), peers, runs)
    said = facts(peers.versions, runs)
    table = markdown(series)
    print(f"{said}\n\n{table}")
    if not peers.versions:
        print("\nTo measure the peers too: python -m bench --with-peers")
    if arguments.json:
        text = json.dumps(as_json(series, said), indent=1)
        Path(arguments.json).write_text(text + "\n", encoding="utf-8")
    if arguments.write and not failed:
        write_between(Path(arguments.write), f"{said}\n\n{table}")
    return 1 if failed else 0


def measured(topics: list[str], peers: Peers, runs: int) -> tuple[list[Series], bool]:
    """Return every series of these topics, and whether smolterm failed at one of them."""
    series: list[Series] = []
    failed = False
    for name in topics:
        if name in NEED_SANDBOX and not _sandbox_is_ready():
            _say(f"{name} is left out: the sandbox is not set up (smolterm setup)")
            continue
        if name in ("local", "freeze") and importlib.util.find_spec("llama_cpp") is None:
            _say(f"{name} is left out: llama-cpp-python is not installed (make local)")
            continue
        _say(f"measuring {name}")
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as closing:
            stage = Stage(folder=Path(folder), peers=peers, closing=closing)
            try:
                cases = list(TOPICS[name].cases(stage))
                series += in_rows(TOPICS[name].ROWS, take_turns(cases, runs, _say))
            except Failed as error:
                # What the other topics took minutes to measure is told all the same.
                _say(str(error))
                failed = True
    return series, failed


def _sandbox_is_ready() -> bool:
    from smolterm.errors import SmoltermError
    from smolterm.sandbox.assets import find_assets

    try:
        return find_assets() is not None
    except SmoltermError:
        return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add("--runs", type=int, default=9, metavar="N", help="figures for each median (9)")
    add("--quick", action="store_true", help="2 runs: does everything work?")
    add("--only", action="append", choices=TOPICS, help="this topic only; may be repeated")
    add("--with-peers", action="store_true", help="install the peers first, into .venv-peers")
    add("--json", metavar="FILE", help="write all figures there")
    add("--write", metavar="FILE", help="put the table between the markers of this page")
    return parser


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
