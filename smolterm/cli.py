"""The command line: what each word and flag starts; nothing heavy is imported before its use."""

from __future__ import annotations

import sys

from smolterm import __version__

TYPE_CHECKING = False  # typing itself would take longer to import than the rest of this
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from smolterm.config import Config
    from smolterm.sandbox.deno import Sandbox
    from smolterm.session import Session

EPILOG = """\
commands:
  smolterm py [-c CODE | FILE | -]   run Python in the sandbox, or a prompt for it; no model
  smolterm demo                      the main job on a recorded model, no key needed
  smolterm setup                     fetch and prepare the sandbox now
  smolterm packages ACTION           packages for the sandbox: add, list, lock, verify, mirror
  smolterm models [ACTION]           models: list, get, show, bench, use, remove
  smolterm packs                     list the tool packs that are installed
  smolterm doctor                    say what is installed and in force

exit codes:
  0 finished; 1 usage or configuration; 2 the model, its provider or the sandbox failed;
  3 stopped short, or denied; 75 try again later; 129, 130, 141, 143 ended by a signal

settings are read from the file that `smolterm doctor` names, then from SMOLTERM_<SETTING>, then
from flags.
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if argv == ["--version"]:
        print(f"smolterm {__version__}")
        return 0
    from smolterm.errors import SmoltermError

    try:
        return int(_dispatch(argv))
    except SmoltermError as error:
        from smolterm.process import report

        report(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stdout = None
        return 141


def entry() -> None:
    """Run the command line and end the process: what the installed command calls.

    Nothing is left to tear down by then, and the interpreter takes 20 ms to find that out. Where
    the terminal was closed it would never end: the screen's input thread reads for ever.
    """
    import os

    code = main()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except BrokenPipeError:
        code = 141
    except OSError as error:
        os.write(2, f"smolterm: the output cannot be written: {error.strerror}.\n".encode())
        code = code or 2
    os._exit(code)


def _dispatch(argv: list[str]) -> int:
    commands = {
        "py": _py,
        "demo": _demo,
        "setup": _setup,
        "packs": _packs,
        "packages": _packages,
        "models": _models,
        "doctor": _doctor,
    }
    if argv and argv[0] in commands:
        return commands[argv[0]](argv[1:])
    return _agent(argv)


def _agent(argv: list[str]) -> int:
    arguments = _agent_parser().parse_args(argv)
    config = _config(arguments)
    if arguments.print or not _has_terminal():
        return _one_shot(arguments, config)
    return _tui(arguments, config)


def _agent_parser() -> argparse.ArgumentParser:
    import argparse

    parser = _parser(
        "smolterm",
        "A terminal-first agent: a model writes Python, you approve each step, it runs in a "
        "WebAssembly sandbox.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("task", nargs="?", help="what to do; without it, the prompt waits for one")
    add("-p", "--print", action="store_true", help="one-shot: print the final answer alone")
    add("-m", "--model", help="PROVIDER/MODEL, local/NAME, FILE.gguf, or replay:FILE")
    add("--api-base", help="address of an OpenAI-compatible endpoint")
    add(
        "--agent",
        choices=("code", "tools", "auto"),
        help="what it writes: Python, or calls by JSON",
    )
    add(
        "--strict", action="store_true", default=None, help="a local model writes valid Python only"
    )
    add("-y", "--yes", action="store_true", help="approve sandboxed steps without asking")
    add("--allow", action="append", metavar="EFFECT", help="let tools have this effect unasked")
    add("--folder", help="the folder that tools may read")
    add("--write", action="store_true", default=None, help="tools may also write there, if asked")
    add("--pack", action="append", dest="packs", metavar="NAME", help="use this tool pack only")
    add("--no-packs", action="store_const", const=[], dest="packs", help="use no tool packs")
    add("--max-steps", type=int, help="steps of one task (0: no limit)")
    add("--timeout", type=float, dest="max_seconds", help="seconds of one task (0: no limit)")
    add("--step-timeout", type=float, dest="cell_seconds", help="seconds of one step's code")
    add("--no-save", action="store_false", default=None, dest="save", help="keep no session file")
    add("--output", choices=("text", "json", "jsonl"), default="text", help="for -p")
    add("-q", "--quiet", action="store_true", help="for -p: nothing but warnings on stderr")
    add("--version", action="version", version=f"smolterm {__version__}")
    return parser


def _parser(prog: str, description: str, **more: Any) -> argparse.ArgumentParser:
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> Any:
            # argparse would exit with 2, which means here that something failed while running.
            self.exit(1, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")

    return Parser(prog=prog, description=description, **more)


def _config(arguments: argparse.Namespace) -> Config:
    from smolterm.config import Settings, load_config

    flags = {
        name: getattr(arguments, name, None)
        for name in Settings.__struct_fields__
        if hasattr(arguments, name)
    }
    return load_config(flags)


def _has_terminal() -> bool:
    return sys.stdout.isatty() and sys.stderr.isatty()


def _one_shot(arguments: argparse.Namespace, config: Config) -> int:
    from smolterm.early import launch_model
    from smolterm.errors import UsageError

    if not arguments.print:
        raise UsageError(
            "There is no terminal to open the screen on.",
            next='Give a task for one answer: smolterm -p "task".',
        )
    launched = launch_model(config.settings)

    import os

    from smolterm.build import build_model, build_session, read_piped
    from smolterm.oneshot import run_once
    from smolterm.process import run_to_exit
    from smolterm.threads import in_daemon_thread

    model = build_model(config.settings, launched)
    session = build_session(config.settings, model=model, yes=arguments.yes)

    async def work() -> int:
        try:
            # Before anything else, even before stdin is read: everybody waits for the host.
            await session.start_model()
            piped = await in_daemon_thread(read_piped)
            task = arguments.task
            if task is None:
                task, piped = piped.decode(errors="replace").strip(), b""
            if not task:
                raise UsageError("There is no task.", next='Say what to do: smolterm -p "task".')
            return await run_once(
                session,
                task,
                files={"/in/stdin": piped} if piped else {},
                output=arguments.output,
                quiet=arguments.quiet,
                coloured=sys.stderr.isatty() and not os.environ.get("NO_COLOR"),
            )
        finally:
            await session.close()

    return run_to_exit(work(), lambda: _interrupt(session))


def _interrupt(what: Session | Sandbox) -> bool:
    """Pass Ctrl-C on to what runs; False when nothing does."""
    import asyncio

    if not what.busy:
        return False
    _kept.append(asyncio.get_running_loop().create_task(what.interrupt()))
    return True


_kept: list[Any] = []
"""Tasks that run by themselves; the loop holds only weak references."""


def _tui(arguments: argparse.Namespace, config: Config) -> int:
    import gc
    import os

    import msgspec

    # Of all that start-up makes nothing becomes garbage; the app collects once the screen is up.
    gc.disable()
    from smolterm.build import build_model, build_session, read_piped, reopen_terminal
    from smolterm.tui.app import run_app

    piped = read_piped()
    if piped:
        reopen_terminal()
    settings = config.settings
    if not settings.model and not settings.api_base:
        from smolterm.config import config_path
        from smolterm.tui.choose import DEMO, choose_model

        chosen = choose_model(config_path(), os.environ, settings.servers)
        if chosen is None:
            return 0
        if chosen == DEMO:
            return _demo([])
        settings = msgspec.structs.replace(settings, model=chosen)
    model = build_model(settings)
    session = build_session(settings, model=model, yes=arguments.yes, spare=True)
    if piped:
        session.attach({"/in/stdin": piped})
    return run_app(session, first_task=arguments.task)


def _py(argv: list[str]) -> int:
    ours, command, program_argv = split_program(argv)
    parser = _parser(
        "smolterm py",
        "Run Python in the sandbox as python would run it; without code, a prompt.",
        usage="smolterm py [FLAG ...] [-c CODE | FILE | -] [ARG ...]",
        allow_abbrev=False,
    )
    from smolterm.pyoptions import add_flags, read_options

    add = parser.add_argument
    add("--json", action="store_true", help="print one JSON object instead")
    add("--session", action="store_true", help='one cell per stdin line: {"code": ...}')
    add_flags(parser)
    arguments = parser.parse_args(ours)
    options = read_options(arguments)

    from smolterm.process import run_to_exit

    anything = arguments.json or arguments.session or command is not None or program_argv
    if not anything and sys.stdin.isatty() and sys.stdout.isatty():
        from smolterm.pyrepl import run_repl

        return run_to_exit(run_repl(options))

    from smolterm.progress import bar
    from smolterm.pyplace import Place
    from smolterm.pyrun import read_program, run_cells, run_program

    if arguments.session:
        place = Place(options, bar(), checkpoints=True)
        running = run_cells(place)
    else:
        program = read_program(command, program_argv)
        place = Place(options, bar(), checkpoints=False)
        running = run_program(place, program, as_json=arguments.json)
    return run_to_exit(running, lambda: _interrupt(place.sandbox))


PY_SWITCHES = ("--json", "--session", "--yes", "--offline", "-h", "--help")
PY_VALUES = (
    "--with", "--mount", "--out", "--memory", "--disk", "--timeout", "--cpu", "--seed", "--clock",
)  # fmt: skip


def split_program(argv: list[str]) -> tuple[list[str], str | None, list[str]]:
    """Split what stands behind `smolterm py` as `python` would, and return our flags, the code of
    `-c` if any, and what `sys.argv` becomes.

    Behind a file everything belongs to the program. Behind `-c CODE` and `-` our own flags may
    still stand, where people tend to write them; `--` ends them.
    """
    ours: list[str] = []
    command: str | None = None
    program: list[str] = []
    words = list(argv)
    while words:
        word = words.pop(0)
        if word == "--":
            program += words
            break
        if word in PY_SWITCHES or (word.partition("=")[0] in PY_VALUES and "=" in word):
            ours.append(word)
        elif word in PY_VALUES:
            ours += [word, *words[:1]]
            del words[:1]
        elif not program and word == "-c":
            command = words.pop(0) if words else None
            program.append("-c")
            if command is None:
                ours.append("-c")
        elif not program and word == "-":
            program.append("-")
        elif not program and word.startswith("-"):
            ours.append(word)
        else:
            program += [word, *words]
            break
    return ours, command, program


def _setup(argv: list[str]) -> int:
    parser = _parser("smolterm setup", "Fetch and prepare the sandbox; it needs no network later.")
    parser.add_argument("--again", action="store_true", help="discard what is there first")
    arguments = parser.parse_args(argv)

    from smolterm.process import run_to_exit
    from smolterm.progress import bar
    from smolterm.sandbox.assets import cache_folder, set_up
    from smolterm.sandbox.prepare import remove

    async def work() -> int:
        if arguments.again:
            for name in ("deno", "sandbox"):
                remove(cache_folder() / name)
        await set_up(bar())
        print(f"The sandbox is ready in {cache_folder()}.")
        return 0

    return run_to_exit(work())


def _packs(argv: list[str]) -> int:
    _parser("smolterm packs", "List the tool packs that are installed.").parse_args(argv)
    from smolterm.packs.listing import print_packs

    return print_packs()


def _packages(argv: list[str]) -> int:
    from smolterm.packages.commands import add_parser, run_packages

    parser = _parser("smolterm packages", "Packages for the sandbox: choose, lock, carry along.")
    add_parser(parser.add_subparsers(required=True, metavar="ACTION"))
    return run_packages(parser.parse_args(argv))


def _models(argv: list[str]) -> int:
    from smolterm.models.commands import add_list_flags, add_parser, run_models

    parser = _parser("smolterm models", "Models on this machine: find, get, measure, choose.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_list_flags(parser)
    parser.set_defaults(action="list")
    add_parser(parser.add_subparsers(metavar="ACTION"))
    return run_models(parser.parse_args(argv))


def _doctor(argv: list[str]) -> int:
    _parser("smolterm doctor", "Say what is installed and in force.").parse_args(argv)
    from smolterm.doctor import run_doctor

    return run_doctor()


def _demo(argv: list[str]) -> int:
    parser = _parser("smolterm demo", "The main job on a recorded model; all else is real.")
    parser.add_argument("--plain", action="store_true", help="plain text even on a terminal")
    arguments = parser.parse_args(argv)
    from smolterm.demo import run_demo

    return run_demo(plain=arguments.plain or not _has_terminal())


if __name__ == "__main__":
    entry()
