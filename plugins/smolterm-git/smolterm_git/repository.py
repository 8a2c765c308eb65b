"""One repository in the granted folder, and Git run in it so that it can start no other program.

A repository's own configuration may name programs: filters, hooks, a file system monitor, drivers
of differences, remotes that missing objects are fetched from. Whoever made the folder wrote it, so
each of these is switched off by what stands above it: the command line and the environment.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smolterm.pack import ToolError, files

SECONDS = 40.0
"""For one run of Git."""
LONGEST = 2_000_000
"""Bytes of one answer."""
LONGEST_ERROR = 500
MOST_FILTERS = 200
MOST_ENTRIES = 500_000
"""Looked at in `.git` before it is written to."""
OFF = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.pager": "cat",
    "core.sshCommand": "false",
    "core.askPass": "",
    "credential.helper": "",
    "protocol.allow": "never",
    "log.showSignature": "false",
    "log.mailmap": "false",
    "diff.external": "",
    "diff.ignoreSubmodules": "all",
    "diff.submodule": "short",
    "submodule.recurse": "false",
    "blame.ignoreRevsFile": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "color.ui": "false",
    "core.quotePath": "false",
    "i18n.commitEncoding": "UTF-8",
    "i18n.logOutputEncoding": "UTF-8",
}
_FILTER = re.compile(r"(filter\..*)\.(?:clean|smudge|process|required)", re.DOTALL)
UNDER_WAY = {
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
}


@dataclass(frozen=True)
class Output:
    """What a run of Git said."""

    code: int
    out: bytes
    error: str
    cut: bool
    """There was more than `LONGEST`, or than what was asked for."""

    @property
    def text(self) -> str:
        """Return it as text, whatever it is."""
        return self.out.decode(errors="replace")


class Repository:
    """A repository whose `.git` lies in the granted folder.

    Args:
        folder: of its working tree, relative to the granted one; or one below it.

    Raises:
        Denied: the folder may not be read.
        ToolError: there is no repository, or none whose parts all lie there.
    """

    def __init__(self, folder: str = ".") -> None:
        self._git = shutil.which("git") or ""
        if not self._git:
            raise ToolError("The program git is not installed on this machine.")
        self.root = _root(folder)
        self._own = self.root / ".git"
        self._settings = OFF | dict.fromkeys(self._filters(), "")

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        most: int = LONGEST,
        fine: Sequence[int] = (0,),
        more: dict[str, str] | None = None,
    ) -> Output:
        """Run Git, and stop it once it has said enough.

        Args:
            fine: exit codes that are no failure.
            more: environment variables.

        Raises:
            ToolError: it failed, or took too long.
        """
        if any("\0" in each for each in arguments):
            raise ToolError("An argument holds a NUL character.")
        settings = {"GIT_CONFIG_COUNT": str(len(self._settings))}
        for at, (key, value) in enumerate(self._settings.items()):
            settings |= {f"GIT_CONFIG_KEY_{at}": key, f"GIT_CONFIG_VALUE_{at}": value}
        said = self._started(arguments, settings | (more or {}), stdin, most)
        if said.code not in fine and not said.cut:
            raise ToolError(f"Git says: {said.error or f'exit code {said.code}'}")
        return said

    def commit(self, revision: str) -> str:
        """Return the number of the commit that a name means.

        Raises:
            ToolError: there is none, or it is no name.
        """
        found = self._parsed(f"{_plain(revision, 'a commit')}^{{commit}}")
        if not found:
            raise ToolError(
                f"There is no commit {revision!r}.",
                next="git_log() shows commits, list_git_branches() branches.",
            )
        return found

    def head(self) -> str | None:
        """Return the number of the newest commit, None before the first."""
        return self._parsed("HEAD^{commit}") or None

    def blob(self, commit: str, path: str) -> str:
        """Return the number of a file's content in a commit, by the commit's number."""
        found = self._parsed(f"{commit}:{inside(path)}")
        if not found or self.run("cat-file", "-t", found).text.strip() != "blob":
            raise ToolError(f"There is no file {path!r} in {commit[:12]}.")
        return found

    def branch(self) -> str | None:
        """Return the branch that is checked out, None for none."""
        said = self.run("symbolic-ref", "--quiet", "--short", "HEAD", fine=(0, 1))
        return said.text.strip() or None

    def under_way(self) -> str:
        """Return what somebody began and has not ended: "merge", "rebase"; "" for nothing."""
        found = (word for name, word in UNDER_WAY.items() if os.path.lexists(self._own / name))
        return next(found, "")

    def for_writing(self) -> None:
        """Check that it may be changed, and that Git would write nothing elsewhere.

        Raises:
            Denied: the folder may not be written to.
            ToolError: a link in `.git` leads elsewhere, or something is under way.
        """
        inner = self.root.relative_to(Path.cwd())
        files.place((inner / "smolterm-git").as_posix(), write=True)
        _without_links(self._own)
        if doing := self.under_way():
            raise ToolError(
                f"A {doing} is under way in this repository.", next="The person must end it first."
            )

    def _parsed(self, revision: str) -> str:
        said = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", revision,
                        fine=(0, 1, 128))  # fmt: skip
        # Git puts out the option itself beside what it ends.
        found = [each for each in said.text.split() if re.fullmatch("[0-9a-f]{40,64}", each)]
        return found[-1] if said.code == 0 and found else ""

    def _filters(self) -> list[str]:
        """Return what switches off each filter that the configuration names."""
        said = self._started(("config", "--list", "--name-only", "-z"), {}, b"", LONGEST)
        if said.code or said.cut:
            raise ToolError(f"The repository's configuration cannot be read: {said.error}")
        keys = said.out.decode(errors="surrogateescape").split("\0")
        names = {found[1] for key in keys if (found := _FILTER.fullmatch(key))}
        if len(names) > MOST_FILTERS:
            raise ToolError(f"The repository's configuration names over {MOST_FILTERS} filters.")
        parts = ("clean", "smudge", "process", "required")
        return [f"{name}.{part}" for name in sorted(names) for part in parts]

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR") if name in os.environ}
        return kept | {
            "LC_ALL": "C.UTF-8",
            "GIT_DIR": str(self._own),
            # What the configuration names in its place loses against it.
            "GIT_WORK_TREE": str(self.root),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_LITERAL_PATHSPECS": "1",
            # Nothing is fetched, even if an object is missing.
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_ALLOW_PROTOCOL": "",
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_EDITOR": "false",
            "GIT_PAGER": "cat",
        }

    def _started(
        self, arguments: Sequence[str], more: dict[str, str], stdin: bytes, most: int
    ) -> Output:
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as told:
            given.write(stdin)
            given.seek(0)
            process = subprocess.Popen(
                [self._git, "--no-pager", *arguments], cwd=self.root,
                env=self._environment() | more, stdin=given, stdout=subprocess.PIPE, stderr=told,
            )  # fmt: skip
            late = threading.Event()

            def stop() -> None:
                late.set()
                process.kill()

            assert process.stdout is not None
            timer = threading.Timer(SECONDS, stop)
            timer.start()
            try:
                raw = process.stdout.read(most + 1)
                if len(raw) > most:
                    process.kill()
                process.wait()
            finally:
                timer.cancel()
                process.stdout.close()
            if late.is_set():
                raise ToolError(
                    f"Git took longer than {SECONDS:g} s and was stopped.",
                    next="Ask for less: one path, or fewer commits.",
                )
            told.seek(0)
            error = told.read(LONGEST_ERROR).decode(errors="replace").strip()
            return Output(process.returncode, raw[:most], error, len(raw) > most)


def inside(path: str) -> str:
    """Return a path in the repository as Git names it; "" for all of it.

    Raises:
        ToolError: it leads out, or is none.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or not path.isprintable():
        raise ToolError(
            f"{path!r} is no path in the repository.", next="Give one relative to its top folder."
        )
    return "/".join(parts)


def branch_name(name: str) -> str:
    """Return a branch's name that is no option and no expression.

    Raises:
        ToolError: it is none.
    """
    plain = re.fullmatch(r"[\w][\w./+@#-]{0,199}", name)
    bad = ("..", "//", "/.", "@{")
    if not plain or name.endswith(("/", ".", ".lock")) or any(each in name for each in bad):
        raise ToolError(f"{name!r} is no name for a branch.", next="Use letters, digits, - and /.")
    return name


def _plain(text: str, what: str) -> str:
    if not text or text.startswith("-") or not text.isprintable() or len(text) > 500:
        raise ToolError(f"{text[:100]!r} is no name of {what}.")
    return text


def _root(folder: str) -> Path:
    """Return the folder with `.git`, at or above a folder and within the granted one."""
    if files.info(folder).kind != "folder":
        raise ToolError(f"{folder!r} is no folder.")
    granted = Path.cwd()
    here = granted / inside(folder)
    for root in (here, *here.parents):
        own = root / ".git"
        if _kept_elsewhere(own):
            raise ToolError(
                f"The repository of {folder!r} is kept elsewhere, or parts of it are: it is a "
                "worktree, a submodule or a clone that shares its objects.",
                next="The person can grant the folder of the main repository.",
            )
        if own.is_dir():
            return root
        if root == granted:
            break
    raise ToolError(
        f"There is no Git repository in {folder!r}.",
        next="Give `folder`, the path of one in the granted folder.",
    )


def _kept_elsewhere(own: Path) -> bool:
    pointing = (own / "commondir", own / "objects/info/alternates")
    links = (own, own / "objects", own / "objects/info", own / "objects/pack", own / "refs")
    return (
        own.is_file()
        or any(os.path.lexists(each) for each in pointing)
        or any(each.is_symlink() for each in links)
    )


def _without_links(own: Path) -> None:
    """Check that no file that Git may write to is a link to another."""
    seen = 0
    waiting = [own]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                seen += 1
                if entry.is_symlink() or seen > MOST_ENTRIES:
                    raise ToolError(
                        f"{Path(entry.path).relative_to(own.parent)} is a link, "
                        "so nothing is changed: Git might write elsewhere."
                        if entry.is_symlink()
                        else f"The repository has more than {MOST_ENTRIES} files of its own."
                    )
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
