"""Agent Skills: folders of instructions that a model reads when a task is theirs.

A person's own are in `~/.agents/skills`, a project's in its `.agents/skills`. Those of a project
are somebody else's text, made to be obeyed: none is used until a person trusted all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from smolterm.errors import ExitCode, PackError, ToolError, UsageError
from smolterm.packs.bridges.schema import shown
from smolterm.packs.notice import PackNotice
from smolterm.packs.reading import files_in
from smolterm.packs.trust import changing, read_trust
from smolterm.packs.types import Checks
from smolterm.threads import in_daemon_thread
from smolterm.tools import ToolSpec

PLACE = Path(".agents", "skills")
FILE = "SKILL.md"
MOST = 40
"""Skills of one session."""
LONGEST_HEAD = 16_384
LONGEST_DESCRIPTION = 200
LONGEST_FILE = 200_000
"""Bytes of one file that the model reads."""
SIGNATURE = '(name: str, file: str = "SKILL.md") -> str'


class Skill(msgspec.Struct, frozen=True, kw_only=True):
    """One skill as it was when the session began."""

    name: str
    description: str
    folder: Path
    hashes: dict[str, str] | None = None
    """Of each file, for a project's; None for a person's own, which they may change."""


def own_skills() -> list[Skill]:
    """Return the person's own skills."""
    return _skills(Path.home() / PLACE, {})


def project_skills(
    project: Path, tell: Callable[[str], None], is_new: Callable[[str], bool]
) -> list[Skill]:
    """Return a project's skills if they are trusted as they are.

    Args:
        tell: takes one line about those that are not,
        is_new: which is told once for each state that they are in.
    """
    place = (project / PLACE).resolve()
    if place == (Path.home() / PLACE).resolve() or not place.is_dir():
        return []
    try:
        hashes = _hashes(place)
    except PackError as error:
        tell(f"The skills of this folder are left out: {error.what}")
        return []
    digest = _digest(hashes)
    if read_trust().skills.get(str(place)) != digest:
        if hashes and is_new(f"skills {place} {digest}"):
            tell(
                "This folder has skills, which are not trusted as they are and not used. "
                f"Look: smolterm packs add --skills {project}"
            )
        return []
    return _skills(place, hashes)


def trust_skills(project: str, ask: Callable[[], bool], say: Callable[[str], None]) -> int:
    """Show a project's skills, ask, and trust them as they are.

    Raises:
        UsageError: it has none.
        PackError: its files are too many, too large, or hold a link.
    """
    place = (Path(project) / PLACE).resolve()
    hashes = _hashes(place) if place.is_dir() else {}
    skills = _skills(place, hashes)
    if not skills:
        raise UsageError(f"{project} has no skills.", next=f"They lie in {PLACE}/NAME/{FILE}.")
    say(f"Skills of {place}: the model reads them as instructions when it takes a task for theirs.")
    for skill in skills:
        say(f"  {skill.name}: {skill.description}")
        say(f"    {len(skill.hashes or {})} files in {skill.folder}")
    if not ask():
        return ExitCode.STOPPED
    with changing() as trust:
        trust.skills[str(place)] = _digest(hashes)
    say("They are in use from the next session on, until a file of them changes.")
    return ExitCode.OK


class SkillsPack:
    """The skills of one session as a pack with one tool.

    Attributes:
        tools: `read_skill`.
        on_notice: takes nothing: no process tells anything.
    """

    name = "skills"
    kind: Literal["native"] = "native"

    def __init__(self, own: list[Skill], project: list[Skill]) -> None:
        # A project's cannot take the name of a person's own.
        found = {skill.name: skill for skill in (*project[:MOST], *own)}
        self._skills = dict(list(found.items())[-MOST:])
        self.tools = [SkillTool(self._skills)]
        self.on_notice: Callable[[PackNotice], None] | None = None

    async def start(self) -> None:
        """Do nothing: there is no process."""

    async def close(self) -> None:
        """Do nothing."""


class SkillTool:
    """`read_skill`; has what the engine uses of a `Tool`."""

    def __init__(self, skills: dict[str, Skill]) -> None:
        self._skills = skills
        lines = [f"    {skill.name}: {skill.description}" for skill in skills.values()]
        self.spec = ToolSpec(
            name="read_skill",
            signature=SIGNATURE,
            doc="Read the instructions of a skill before doing what it is about.\n\n"
            "Skills:\n" + "\n".join(lines),
            effect="read",
            parameters=("name", "file"),
            outside=any(skill.hashes is not None for skill in skills.values()),
            pack="skills",
        )
        self._checks = Checks(self.spec)

    async def call(self, args: list[Any], kwargs: dict[str, Any]) -> str:
        """Return a file of a skill.

        Raises:
            ToolError: there is no such skill or file, or it is not what was trusted.
        """
        given = self._checks.bind(args, kwargs)
        skill = self._skills.get(given["name"])
        if skill is None:
            known = ", ".join(self._skills)
            raise ToolError(
                f"There is no skill {given['name'][:60]!a}.", next=f"There are: {known}."
            )
        return await in_daemon_thread(_read, skill, given["file"])


def _read(skill: Skill, file: str) -> str:
    # Imported here: it comes with all the doors of packs.
    from smolterm.packs.doors.folder import content, opened, resolve

    base = skill.folder.resolve()
    parts = resolve(base, file)
    with opened(base, parts, file) as (handle, status):
        raw = content(handle, status, file)
    if skill.hashes is not None:
        name = "/".join(parts)
        if skill.hashes.get(name) != hashlib.sha256(raw).hexdigest():
            raise ToolError(f"{file!r} of the skill {skill.name} is not the one that was trusted.")
    if len(raw) > LONGEST_FILE:
        raise ToolError(f"{file!r} has more than {LONGEST_FILE} bytes.")
    return raw.decode(errors="replace")


def _skills(place: Path, hashes: dict[str, str]) -> list[Skill]:
    """Return the skills of a folder by name; hashes as `_hashes` gives them, of a project's."""
    found: list[Skill] = []
    try:
        folders = sorted(each for each in place.iterdir() if (each / FILE).is_file())
    except OSError:
        return []
    for folder in folders[:MOST]:
        try:
            with (folder / FILE).open("rb") as file:
                head = dict(_head(file.read(LONGEST_HEAD).decode(errors="replace")))
        except OSError:
            continue
        name = shown(head.get("name") or folder.name, 64).strip()
        mine = {
            path.partition("/")[2]: digest
            for path, digest in hashes.items()
            if path.partition("/")[0] == folder.name
        }
        found.append(
            Skill(
                name=name,
                description=shown(head.get("description"), LONGEST_DESCRIPTION),
                folder=folder,
                hashes=mine if hashes else None,
            )
        )
    return found


def _head(text: str) -> Iterator[tuple[str, str]]:
    """Yield the keys between the two lines of `---`: plain, quoted, or folded over lines."""
    lines = text.split("\n")
    if lines[0].strip() != "---":
        return
    key, parts = "", [""]
    for line in [*lines[1:], "---"]:
        is_end = line.strip() == "---"
        if is_end or (line[:1] not in (" ", "\t", "#", "") and ":" in line):
            if key:
                yield key, " ".join(part for part in parts if part).strip("\"'")
            if is_end:
                return
            key, _, value = line.partition(":")
            key, value = key.strip(), value.strip()
            parts = ["" if value[:1] in (">", "|") else value]
        else:
            parts.append(line.strip())


def _hashes(place: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, _ in files_in(place):
        try:
            with (place / path).open("rb") as file:
                found[path] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise PackError(f"{place / path} cannot be read: {error.strerror}.") from None
    return found


def _digest(hashes: dict[str, str]) -> str:
    raw = msgspec.json.encode(["smolterm skills 1", sorted(hashes.items())])
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def skills_pack(
    project: Path, tell: Callable[[str], None], is_new: Callable[[str], bool]
) -> list[SkillsPack]:
    """Return the pack of skills, none where there are none; arguments as in `project_skills`."""
    own, others = own_skills(), project_skills(project, tell, is_new)
    return [SkillsPack(own, others)] if own or others else []
