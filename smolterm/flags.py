"""The words and flags of every command, as one parser each.

The command line, shell completion and the man page are all made from these parsers, so none of
them can say what another does not. Nothing heavy is imported: a parser is made for each start.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from smolterm import __version__

DESCRIPTION = (
    "A terminal-first agent: a model writes Python, you approve each step, it runs in a "
    "WebAssembly sandbox."
)

COMMANDS = {
    "repl": ("repl [TASK]", "a session inline, in the terminal's own scrollback"),
    "serve": ("serve [--port N]", "the screen in a browser on this machine"),
    "py": ("py [-c CODE | FILE | -]", "run Python in the sandbox, or a prompt for it; no model"),
    "demo": ("demo", "the main job on a recorded model, no key needed"),
    "setup": ("setup", "fetch and prepare the sandbox now"),
    "packages": ("packages ACTION", "packages for the sandbox: add, list, lock, verify, mirror"),
    "recipes": ("recipes ACTION", "packages that must be compiled: list, check, build, add"),
    "models": ("models [ACTION]", "models: list, get, show, bench, use, remove"),
    "packs": ("packs [ACTION]", "tool packs: list, show, add, trust, new, test, dev and more"),
    "sessions": ("sessions [ACTION]", "sessions: list, search, show, export, rename, delete, fork"),
    "doctor": ("doctor", "say what is installed and in force"),
    "completion": ("completion SHELL", "print completion for bash, zsh or fish"),
}
"""How each is called, and what for."""

EXIT_CODES = """\
exit codes:
  0 finished; 1 usage or configuration; 2 the model, its provider or the sandbox failed;
  3 stopped short, or denied; 75 try again later; 129, 130, 141, 143 ended by a signal"""

SETTINGS = """\
settings are read from the file that `smolterm doctor` names, then from SMOLTERM_<SETTING>, then
from flags."""

SHELLS = ("bash", "zsh", "fish")


class Parser(argparse.ArgumentParser):
    """argparse's own would exit with 2, which means here that something failed while running."""

    def error(self, message: str) -> NoReturn:
        self.exit(1, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")


def epilog() -> str:
    """Return what stands below the flags in `smolterm --help`."""
    width = max(len(called) for called, _ in COMMANDS.values())
    lines = [f"  smolterm {called:<{width}}   {words}" for called, words in COMMANDS.values()]
    return "\n".join(["commands:", *lines, "", EXIT_CODES, "", SETTINGS])


def agent_parser() -> Parser:
    """Return the parser of `smolterm` itself: a session, or one answer with -p."""
    parser = Parser(
        prog="smolterm",
        description=DESCRIPTION,
        epilog=epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("task", nargs="?", help="what to do; without it, the prompt waits for one")
    add("-p", "--print", action="store_true", help="one-shot: print the final answer alone")
    add("--version", action="version", version=f"smolterm {__version__}", help="say which it is")
    _add_model_flags(parser.add_argument_group("the model"))
    _add_leave_flags(parser.add_argument_group("what may happen"))
    _add_session_flags(parser.add_argument_group("sessions of before"))
    _add_budget_flags(parser.add_argument_group("budgets of one task"))
    _add_one_shot_flags(parser.add_argument_group("one-shot"))
    return parser


def _add_model_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("-m", "--model", help="PROVIDER/MODEL, local/NAME, FILE.gguf, or replay:FILE")
    add("--api-base", metavar="URL", help="address of an OpenAI-compatible endpoint")
    add("--agent", choices=("code", "tools", "auto"),
        help="what it writes: Python, or calls by JSON")  # fmt: skip
    add("--strict", action="store_true", default=None,
        help="a local model writes valid Python only")  # fmt: skip


def _add_leave_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--mode", choices=("step", "effects", "plan", "auto"),
        help="what is asked about: each step, each effect, nothing with an effect, only what no "
        "rule allows")  # fmt: skip
    add("-y", "--yes", action="store_true",
        help="approve sandboxed steps without asking (--mode effects)")  # fmt: skip
    add("--allow", action="append", metavar="EFFECT",
        help="let this effect happen unasked: write, network, spend, danger")  # fmt: skip
    add("--outside", choices=("ask", "trust"),
        help="ask about each effect while text from outside is unread (ask), or not")  # fmt: skip
    add("--folder", metavar="DIR",
        help="the folder that the code sees as /files/<name>, and that tools may read")  # fmt: skip
    add("--write", action="store_true", default=None,
        help="what is changed there may be written, once it is accepted")  # fmt: skip
    add("--pack", action="append", dest="packs", metavar="NAME", help="use this tool pack only")
    add("--no-packs", action="store_const", const=[], dest="packs", help="use no tool packs")
    add("--tools", action="append", metavar="FILE.py",
        help="use the functions of this file as tools, once it is trusted")  # fmt: skip
    add("--no-save", "--ephemeral", action="store_false", default=None, dest="save",
        help="keep no session")  # fmt: skip


def _add_session_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_mutually_exclusive_group().add_argument
    add("-c", "--continue", action="store_true", dest="continue_",
        help="go on with the newest session")  # fmt: skip
    add("-r", "--resume", metavar="ID", help="go on with a session; the start of its name will do")
    add("--fork", metavar="ID[:STEP]",
        help="begin a new session as another one was before a step, or at its end")  # fmt: skip


def _add_budget_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--max-steps", type=int, metavar="N", help="steps (0: no limit)")
    add("--max-tokens", type=int, metavar="N", help="tokens, read and written (0: no limit)")
    add("--max-cost", type=float, metavar="USD", help="US dollars (0: no limit)")
    add("--timeout", type=float, dest="max_seconds", metavar="S", help="seconds (0: no limit)")
    add("--step-timeout", type=float, dest="cell_seconds", metavar="S",
        help="seconds of one step's code (0: no limit)")  # fmt: skip


def _add_one_shot_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--in", nargs="+", action="extend", dest="inputs", metavar="FILE",
        help="files or folders that the code may read as /in/<name>")  # fmt: skip
    add("--out", metavar="DIR",
        help="a new folder for the files that the code leaves in /out")  # fmt: skip
    add("-o", "--output-file", metavar="FILE",
        help="write there instead of to stdout, whole or not at all")  # fmt: skip
    add("--output", choices=("text", "json", "jsonl"),
        help="what is printed: the answer, one object, or every event as a line")  # fmt: skip
    add("--output-schema", metavar="FILE", help="a JSON Schema that the answer must fit")
    add("-q", "--quiet", action="store_true", help="nothing but warnings on stderr")
    add("--plain", action="store_true", help="no colours")


def repl_parser() -> Parser:
    """Return the parser of `smolterm repl`."""
    parser = Parser(
        prog="smolterm repl",
        description="A session inline: the terminal's own scrollback, one question at a time.",
    )
    add = parser.add_argument
    add("task", nargs="?", help="what to do first")
    add("--plain", action="store_true",
        help="lines alone: no drawing, no colour; for screen readers and slow lines")  # fmt: skip
    _add_model_flags(parser.add_argument_group("the model"))
    _add_leave_flags(parser.add_argument_group("what may happen"))
    _add_session_flags(parser.add_argument_group("sessions"))
    _add_budget_flags(parser.add_argument_group("budgets of one task"))
    return parser


def serve_parser() -> Parser:
    """Return the parser of `smolterm serve`, and of the process behind each of its pages."""
    parser = Parser(
        prog="smolterm serve",
        description="The screen in a browser on this machine, for whoever has the printed address.",
    )
    add = parser.add_argument
    add("--port", type=_port, default=0, metavar="N", help="of 127.0.0.1 (0: any that is free)")
    add("--open", action="store_true", help="open the browser too")
    _add_model_flags(parser.add_argument_group("the model"))
    _add_leave_flags(parser.add_argument_group("what may happen"))
    _add_budget_flags(parser.add_argument_group("budgets of one task"))
    return parser


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: they go from 0 to 65535")
    return int(text)


def py_parser() -> Parser:
    """Return the parser of our flags of `smolterm py`; see `split_program` for the program's."""
    from smolterm.pyoptions import add_flags

    parser = Parser(
        prog="smolterm py",
        description="Run Python in the sandbox as python would run it; without code, a prompt.",
        usage="smolterm py [FLAG ...] [-c CODE | FILE | -] [ARG ...]",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--json", action="store_true", help="print one JSON object instead")
    add("--session", action="store_true", help='one cell per stdin line: {"code": ...}')
    add_flags(parser)
    return parser


def demo_parser() -> Parser:
    """Return the parser of `smolterm demo`."""
    parser = Parser(
        prog="smolterm demo", description="The main job on a recorded model; all else is real."
    )
    parser.add_argument("--plain", action="store_true", help="plain text even on a terminal")
    return parser


def setup_parser() -> Parser:
    """Return the parser of `smolterm setup`."""
    parser = Parser(
        prog="smolterm setup",
        description="Fetch and prepare the sandbox; it needs no network later.",
    )
    parser.add_argument("--again", action="store_true", help="discard what is there first")
    return parser


def packs_parser() -> Parser:
    """Return the parser of `smolterm packs` and its actions."""
    from smolterm.packs.commands import add_parser

    parser = Parser(
        prog="smolterm packs",
        description="Tool packs: what is installed, what each may do, and which are in use.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(action="list")
    add_parser(parser.add_subparsers(metavar="ACTION"))
    return parser


def packages_parser() -> Parser:
    """Return the parser of `smolterm packages` and its actions."""
    from smolterm.packages.commands import add_parser

    parser = Parser(
        prog="smolterm packages",
        description="Packages for the sandbox: choose, lock, carry along.",
    )
    add_parser(parser.add_subparsers(required=True, metavar="ACTION"))
    return parser


def recipes_parser() -> Parser:
    """Return the parser of `smolterm recipes` and its actions."""
    from smolterm.recipes.commands import add_parser

    parser = Parser(
        prog="smolterm recipes",
        description="Recipes of pyodide-build, for packages that must be compiled for the sandbox.",
    )
    add_parser(parser.add_subparsers(required=True, metavar="ACTION"))
    return parser


def models_parser() -> Parser:
    """Return the parser of `smolterm models` and its actions."""
    from smolterm.models.commands import add_list_flags, add_parser

    parser = Parser(
        prog="smolterm models", description="Models on this machine: find, get, measure, choose."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_list_flags(parser)
    parser.set_defaults(action="list")
    add_parser(parser.add_subparsers(metavar="ACTION"))
    return parser


def sessions_parser() -> Parser:
    """Return the parser of `smolterm sessions` and its actions."""
    from smolterm.sessions.commands import add_list_flags, add_parser

    parser = Parser(
        prog="smolterm sessions", description="Sessions that are kept: find, read, name, remove."
    )
    add_list_flags(parser)
    add_parser(parser.add_subparsers(metavar="ACTION"))
    return parser


def doctor_parser() -> Parser:
    """Return the parser of `smolterm doctor`."""
    return Parser(prog="smolterm doctor", description="Say what is installed and in force.")


def completion_parser() -> Parser:
    """Return the parser of `smolterm completion`."""
    parser = Parser(
        prog="smolterm completion",
        description="Print what makes a shell complete smolterm's words and flags.",
    )
    parser.add_argument("shell", choices=SHELLS, help="which shell")
    return parser


PARSERS: dict[str, Callable[[], Parser]] = {
    "repl": repl_parser,
    "serve": serve_parser,
    "py": py_parser,
    "demo": demo_parser,
    "setup": setup_parser,
    "packages": packages_parser,
    "recipes": recipes_parser,
    "models": models_parser,
    "packs": packs_parser,
    "sessions": sessions_parser,
    "doctor": doctor_parser,
    "completion": completion_parser,
}
"""One for each command."""


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


def settings_of(arguments: argparse.Namespace, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings among what was given; None stands for one that was not."""
    return {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}
