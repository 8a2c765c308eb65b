"""Completion for bash, zsh and fish, made from the parsers that read the command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import msgspec

from smolterm.flags import COMMANDS, PARSERS, agent_parser

FILES = ("FILE", "PATH", "SRC")
FOLDERS = ("DIR", "FOLDER")


class Flag(msgspec.Struct, frozen=True, kw_only=True):
    """One option, in all its spellings."""

    names: tuple[str, ...]
    words: str
    value: str = ""
    """How its value is called; empty for a switch."""
    choices: tuple[str, ...] = ()
    many: bool = False
    """It may be given more than once."""


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """A command, or an action of one, and what may stand behind it."""

    key: str
    """Its words behind `smolterm`: "" or `packages add`."""
    flags: tuple[Flag, ...]
    words: tuple[tuple[str, str], ...] = ()
    """Commands, actions or choices that may follow, and what each is for."""
    files: bool = False
    """A file may follow."""


def script_for(shell: str) -> str:
    """Return the script that teaches a shell our words: `bash`, `zsh` or `fish`."""
    return {"bash": bash, "zsh": zsh, "fish": fish}[shell](list(spots()))


def spots() -> Iterator[Spot]:
    """Yield every place on the command line where something can be completed."""
    top = _spot("", agent_parser())
    yield msgspec.structs.replace(
        top, words=tuple((name, words) for name, (_, words) in COMMANDS.items())
    )
    for name, make in PARSERS.items():
        parser = make()
        yield _spot(name, parser)
        for action, below in actions_of(parser).items():
            yield _spot(f"{name} {action}", below)


def actions_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of a command's actions by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _spot(key: str, parser: argparse.ArgumentParser) -> Spot:
    flags: list[Flag] = []
    words: list[tuple[str, str]] = []
    files = key == "py"
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        if isinstance(action, argparse._SubParsersAction):
            words += [(one.dest, one.help or "") for one in action._choices_actions]
        elif not action.option_strings:
            words += [(str(one), action.help or "") for one in action.choices or ()]
            files = files or _is(FILES, action.metavar)
        else:
            flags.append(_flag(action))
    return Spot(key=key, flags=tuple(flags), words=tuple(words), files=files)


def _flag(action: argparse.Action) -> Flag:
    value = "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
    kinds = (argparse._AppendAction, argparse._ExtendAction)
    return Flag(
        names=tuple(action.option_strings),
        words=action.help or "",
        value=value,
        choices=tuple(str(one) for one in action.choices or ()),
        many=isinstance(action, kinds),
    )


def _is(names: tuple[str, ...], value: Any) -> bool:
    return any(str(value or "").startswith(name) or f" {name}" in str(value) for name in names)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


# Each script finds the spot in the same way: the first word may be a command, and the first word
# behind it that is no flag may be one of its actions.

_BASH = """\
# bash completion for smolterm; load it with: source <(smolterm completion bash)
_smolterm() {
    local cur="${COMP_WORDS[COMP_CWORD]}" prev="" at="" word i
    (( COMP_CWORD > 0 )) && prev="${COMP_WORDS[COMP_CWORD-1]}"
    for (( i = 1; i < COMP_CWORD; i++ )); do
        word="${COMP_WORDS[i]}"
        if (( i == 1 )); then
            case "$word" in @COMMANDS@) at="$word" ;; *) break ;; esac
        elif [[ "$word" != -* ]]; then
            case "$at $word" in @ACTIONS@) at="$at $word" ;; esac
            break
        fi
    done
    local flags="" words="" files=0
    case "$at" in
@SPOTS@    esac
    case "$at $prev" in
@VALUES@    esac
    if [[ "$cur" == -* ]]; then
        COMPREPLY=( $(compgen -W "$flags" -- "$cur") )
    else
        COMPREPLY=( $(compgen -W "$words" -- "$cur") )
        if (( files )); then
            compopt -o filenames 2>/dev/null
            COMPREPLY+=( $(compgen -f -- "$cur") )
        fi
    fi
}
complete -F _smolterm smolterm
"""


def bash(found: list[Spot]) -> str:
    """Return the script for bash."""
    where: list[str] = []
    values: list[str] = []
    for spot in found:
        flags = " ".join(name for flag in spot.flags for name in flag.names)
        # A command stands first or nowhere.
        words = " ".join(word for word, _ in spot.words)
        if not spot.key:
            where.append(f'        "") flags={_quoted(flags)}')
            where.append(f"            (( COMP_CWORD == 1 )) && words={_quoted(words)} ;;")
        else:
            where.append(f"        {_quoted(spot.key)}) flags={_quoted(flags)}")
            where.append(f"            words={_quoted(words)} files={int(spot.files)} ;;")
        for flag in spot.flags:
            if flag.value:
                patterns = "|".join(_quoted(f"{spot.key} {name}") for name in flag.names)
                values.append(f"        {patterns}) {_bash_value(flag)} return ;;")
    filled = _BASH.replace("@SPOTS@", _lines(where)).replace("@VALUES@", _lines(values))
    return _with_words(filled, found, "|")


def _bash_value(flag: Flag) -> str:
    if flag.choices:
        return f'COMPREPLY=( $(compgen -W {_quoted(" ".join(flag.choices))} -- "$cur") );'
    if _is(FILES, flag.value):
        return 'compopt -o filenames 2>/dev/null; COMPREPLY=( $(compgen -f -- "$cur") );'
    if _is(FOLDERS, flag.value):
        return 'compopt -o filenames 2>/dev/null; COMPREPLY=( $(compgen -d -- "$cur") );'
    return "COMPREPLY=();"


_ZSH = """\
#compdef smolterm
# zsh completion for smolterm; put it into a file _smolterm on your $fpath, or load it with:
# source <(smolterm completion zsh)
_smolterm() {
    local at="" word i last=1
    for (( i = 2; i < CURRENT; i++ )); do
        word="${words[i]}"
        if (( i == 2 )); then
            case "$word" in (@COMMANDS@) at="$word"; last=2 ;; (*) break ;; esac
        elif [[ "$word" != -* ]]; then
            case "$at $word" in (@ACTIONS@) at="$at $word"; last=$i ;; esac
            break
        fi
    done
    local -a follow flags
    local rest=""
    case "$at" in
@SPOTS@    esac
    if [[ "$PREFIX" != -* ]] && (( CURRENT == last + 1 && $#follow )); then
        _describe -t commands 'smolterm' follow && return
    fi
    words=( "${(@)words[last,-1]}" )
    (( CURRENT -= last - 1 ))
    _arguments -s "$flags[@]" ${rest:+"$rest"}
}
if [[ "${funcstack[1]}" == _smolterm ]]; then
    _smolterm "$@"
elif (( $+functions[compdef] )); then
    compdef _smolterm smolterm
fi
"""


def zsh(found: list[Spot]) -> str:
    """Return the script for zsh."""
    where: list[str] = []
    for spot in found:
        where.append(f"        ({_quoted(spot.key)})")
        follow = (_quoted(f"{word}:{_colons(words)}") for word, words in spot.words)
        where.append(f"            follow=( {' '.join(follow)} )")
        where.append("            flags=(")
        where += [f"                {one}" for flag in spot.flags for one in _zsh_flag(flag)]
        where.append("            )")
        where.append(f"            rest={_quoted('*: :_files') if spot.files else _quoted('')} ;;")
    return _with_words(_ZSH.replace("@SPOTS@", _lines(where)), found, "|")


def _zsh_flag(flag: Flag) -> Iterator[str]:
    words = flag.words.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
    value = ""
    if flag.choices:
        value = f":{_colons(flag.value)}:({' '.join(flag.choices)})"
    elif flag.value:
        what = "_files" if _is(FILES, flag.value) else ""
        what = "_files -/" if _is(FOLDERS, flag.value) else what
        value = f":{_colons(flag.value)}:{what or ' '}"
    others = "*" if flag.many else f"({' '.join(flag.names)})"
    for name in flag.names:
        yield _quoted(f"{others}{name}[{words}]{value}")


def _colons(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")


_FISH = """\
# fish completion for smolterm; load it with: smolterm completion fish | source
function __smolterm_at --argument-names wanted
    set -l words (commandline -opc)
    set -e words[1]
    set -l at ""
    if set -q words[1]; and contains -- $words[1] @COMMANDS@
        set at $words[1]
        set -e words[1]
        for word in $words
            string match -q -- '-*' $word; and continue
            contains -- "$at $word" @ACTIONS@; and set at "$at $word"
            break
        end
    end
    test "$at" = "$wanted"
end
function __smolterm_first
    test (count (commandline -opc)) -eq 1
end
complete -c smolterm -f
@SPOTS@"""


def fish(found: list[Spot]) -> str:
    """Return the script for fish."""
    lines: list[str] = []
    for spot in found:
        here = f"complete -c smolterm -n \"__smolterm_at '{spot.key}'\""
        for word, words in spot.words:
            one = here if spot.key else "complete -c smolterm -n __smolterm_first"
            lines.append(f"{one} -a {_fish(word)} -d {_fish(words)}")
        if spot.files:
            lines.append(f"{here} -F")
        for flag in spot.flags:
            names = " ".join(
                f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
                for name in flag.names
            )
            lines.append(f"{here} {names}{_fish_value(flag)} -d {_fish(flag.words)}")
    return _with_words(_FISH.replace("@SPOTS@", _lines(lines)), found, " ")


def _fish_value(flag: Flag) -> str:
    if flag.choices:
        return f" -x -a {_fish(' '.join(flag.choices))}"
    if _is(FILES, flag.value):
        return " -r -F"
    if _is(FOLDERS, flag.value):
        return " -x -a '(__fish_complete_directories)'"
    return " -x" if flag.value else ""


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _with_words(script: str, found: list[Spot], between: str) -> str:
    """Fill in the commands and the actions, so that a script can tell where it is."""
    commands = [spot.key for spot in found if spot.key and " " not in spot.key]
    actions = [_quoted(spot.key) for spot in found if " " in spot.key]
    return script.replace("@COMMANDS@", between.join(commands)).replace(
        "@ACTIONS@", between.join(actions)
    )
