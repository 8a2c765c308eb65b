"""The man page, made from the parsers: `python -m smolterm.manpage > man/smolterm.1`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from smolterm import __version__
from smolterm.completion import actions_of
from smolterm.flags import COMMANDS, DESCRIPTION, EXIT_CODES, PARSERS, agent_parser

HEAD = """\
.\\" Made from the parsers by: python -m smolterm.manpage
.TH SMOLTERM 1 "" "smolterm {version}" "User Commands"
.SH NAME
smolterm \\- a terminal\\-first agent whose code runs in a WebAssembly sandbox
.SH SYNOPSIS
.B smolterm
[\\fIflags\\fR] [\\fItask\\fR]
.br
.B smolterm \\-p
[\\fIflags\\fR] [\\fItask\\fR] [< \\fIinput\\fR] [> \\fIanswer\\fR]
.br
.B smolterm
\\fIcommand\\fR [\\fIflags\\fR]
.SH DESCRIPTION
{description}
.PP
Without \\fB\\-p\\fR a screen opens. With it one task is worked on: the answer alone goes to
standard output, all else to standard error, and piped input lies in the sandbox as /in/stdin.
"""

TAIL = """\
.SH ENVIRONMENT
.TP
.B SMOLTERM_\\fISETTING\\fR
Each setting in capitals, such as SMOLTERM_MODEL; flags come before it, the settings' file after.
.TP
.B SMOLTERM_CONFIG\\fR, \\fBSMOLTERM_DATA\\fR, \\fBSMOLTERM_CACHE
The settings' file; the folder of sessions and of what was overwritten; the folder of downloads.
.TP
.B NO_COLOR
No colours.
.SH FILES
\\fBsmolterm doctor\\fR says where the settings, the sessions and the cache are.
.SH SEE ALSO
.BR python3 (1)
"""


def page() -> str:
    """Return the page in roff."""
    parts = [HEAD.format(version=__version__, description=_roff(DESCRIPTION))]
    parts += [".SH OPTIONS\n", *_flags(agent_parser()), ".SH COMMANDS\n"]
    for name, (called, words) in COMMANDS.items():
        parser = PARSERS[name]()
        parts += [f".SS {_roff(f'smolterm {called}')}\n", _sentence(words), *_flags(parser)]
        for action, below in actions_of(parser).items():
            title = f"smolterm {name} {action}"
            parts += [f".SS {_roff(title)}\n", _roff(below.description or "") + "\n"]
            parts += _flags(below)
    parts += [".SH EXIT STATUS\n", *_exit_status(), TAIL]
    return "".join(parts)


def _flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    for group in parser._action_groups:
        shown = [
            one
            for one in group._group_actions
            if one.option_strings and not isinstance(one, argparse._HelpAction)
        ]
        if shown and group.title not in ("options", "positional arguments"):
            yield f".PP\n.I {_roff((group.title or '').capitalize())}\n"
        for action in shown:
            value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
            value = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else value
            more = " ..." if action.nargs == "+" else ""
            names = ", ".join(f"\\fB{_roff(name)}\\fR" for name in action.option_strings)
            behind = f" \\fI{_roff(value)}\\fR{more}" if value else ""
            yield f".TP\n{names}{behind}\n{_sentence(action.help or '')}"


def _exit_status() -> Iterator[str]:
    text = " ".join(EXIT_CODES.split("\n", 1)[1].split())
    for part in text.split("; "):
        codes, words = _codes(part)
        yield f".TP\n.B {codes}\n{_sentence(words)}"


def _codes(part: str) -> tuple[str, str]:
    words = part.split(" ")
    count = next(i for i, word in enumerate(words) if not word.rstrip(",").isdigit())
    return " ".join(words[:count]), " ".join(words[count:])


def _sentence(text: str) -> str:
    return _roff(text[:1].upper() + text[1:]) + ".\n"


def _roff(text: str) -> str:
    """Return text that roff takes for nothing else."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return "\\&" + text if text.startswith(".") else text


if __name__ == "__main__":
    sys.stdout.write(page())
