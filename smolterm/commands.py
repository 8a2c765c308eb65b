"""What can be written after a slash, once for every place that shows or completes it.

Names and words only: each front end carries a command out in its own way, so that the screen, its
palette, its help and the inline prompt tell the same.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias, get_args

from smolterm.policy import Mode

When: TypeAlias = Literal["always", "idle", "running"]


class Command(NamedTuple):
    """One of them.

    A front end carries `/undo-files` out by what it calls `undo_files`.
    """

    name: str
    help: str
    arguments: str = ""
    """As help shows them: `[code|output]`, `NAME`; empty where there are none."""
    choices: tuple[str, ...] = ()
    """What the arguments may be, where that is known beforehand."""
    source: Literal["", "models", "themes", "sessions"] = ""
    """What else they may be, which the front end looks up."""
    when: When = "always"
    aliases: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        return f"/{self.name} {self.arguments}".rstrip()

    @property
    def action(self) -> str:
        return self.name.replace("-", "_")

    def possible(self, *, running: bool) -> bool:
        """Whether it can be carried out now."""
        return self.when == "always" or (self.when == "running") == running


COMMANDS = (
    Command("help", "the keys and commands", aliases=("keys",)),
    Command("model", "go on with another model", "[NAME]", source="models", when="idle"),
    Command("mode", "what is asked about", f"[{'|'.join(get_args(Mode))}]", get_args(Mode)),
    Command("btw", "ask aside: it leaves no trace in the session", "QUESTION"),
    Command("copy", "copy a part of the chosen step", "[code|output|reasoning]",
            ("code", "output", "reasoning")),
    Command("files", "what would be written, with its differences"),
    Command("undo-files", "take back what was written last", when="idle"),
    Command("undo-context", "send in full again what was shortened"),
    Command("variables", "the sandbox's variables"),
    Command("sessions", "every session that is kept", when="idle"),
    Command("resume", "go on with another session", "[ID]", source="sessions", when="idle"),
    Command("rewind", "go back to before a step", "[STEP]", when="idle"),
    Command("fork", "a new session that begins like this one", "[STEP]", when="idle"),
    Command("rename", "give this session a title", "TITLE"),
    Command("export", "write this session to a file, Markdown or JSON", "FILE"),
    Command("editor", "write the task in $EDITOR"),
    Command("theme", "dark, light or another", "[NAME]", source="themes"),
    Command("settings", "every setting and where its value comes from"),
    Command("log", "what goes on inside, for debugging"),
    Command("quit", "leave; the session is kept", aliases=("exit",)),
)  # fmt: skip


def command_named(word: str) -> Command | None:
    """Return the command of that name or alias, or the only one that begins so."""
    for command in COMMANDS:
        if word == command.name or word in command.aliases:
            return command
    begun = [command for command in COMMANDS if word and command.name.startswith(word)]
    return begun[0] if len(begun) == 1 else None


def split_command(text: str) -> tuple[str, str] | None:
    """Return the name and the rest of `/name rest`; None when it is no command."""
    if not text.startswith("/"):
        return None
    name, *rest = text[1:].split(maxsplit=1) or [""]
    return None if "/" in name else (name, "".join(rest).strip())
