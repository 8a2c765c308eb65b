"""Writes accepted changes to the host's files, all of them or none.

A new file is written beside the old one and renamed over it: whoever reads, and whatever is killed,
there is the old file or the new one.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from smolterm.errors import CommitRefused, SandboxError
from smolterm.sandbox.changes import Ask, Changes, forbidden
from smolterm.sandbox.entries import version
from smolterm.sandbox.files import StagedFiles
from smolterm.sandbox.undo import (
    NEW,
    READ,
    Item,
    Plan,
    locked,
    new_folder,
    opened,
    parent,
    recover_locked,
    refuse,
    remove_folders,
    settle,
    sha,
    source_of,
    take_back,
    write_plan,
)
from smolterm.threads import in_daemon_thread


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, and where `undo` finds what was there before."""

    folder: Path
    paths: tuple[str, ...]


def commit(files: StagedFiles, changes: Changes, undo_folder: Path) -> Committed:
    """Write accepted changes, all of them or none.

    Args:
        changes: as `Changes.choose` returns them.
        undo_folder: where each commit gets a folder of its own.

    Raises:
        CommitRefused: an original changed meanwhile, or one cannot be written; nothing was.
    """
    for change in changes.files:
        if refused := change.refused or forbidden(files, change.path):
            raise refuse(change.path, refused)
    with locked(undo_folder):
        recover_locked(files, undo_folder)
        folder = new_folder(undo_folder)
        try:
            plan = _prepare(files, changes, folder)
        except BaseException as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise _explained(error) from error
        begun: list[Item] = []
        try:
            for item, change in zip(plan.items, changes.files, strict=True):
                if change.after is not None:
                    _write_beside(files, item, change.after, plan, folder)
            for item in plan.items:
                begun.append(item)
                _put(files, item)
            remove_folders(files, changes.folders, plan.removed)
            plan.state = "done"
            write_plan(folder, plan)
        except BaseException as error:
            if take_back(files, folder, plan, begun):
                shutil.rmtree(folder, ignore_errors=True)
            raise _explained(error) from error
    return Committed(folder=folder, paths=tuple(item.path for item in plan.items))


async def accept(
    files: StagedFiles,
    ask: Ask,
    changes: Changes,
    undo_folder: Path,
    *,
    paths: Collection[str] | None = None,
    hunks: Mapping[str, Collection[int]] | None = None,
) -> Committed:
    """Commit what was accepted, and tell the sandbox, to which it is the original from now on.

    Args:
        changes: as `collect` returned them.
        paths, hunks: see `Changes.choose`.

    Raises:
        UsageError: see `Changes.choose`.
        CommitRefused: see `commit`.
    """
    chosen = changes.choose(paths, hunks)
    going = {change.path for change in chosen.files}
    for one in changes.moved:
        if one.origin in going and one.path not in going:
            # The sandbox's file is to outlive the original that still holds its bytes.
            if one.data is None:
                raise refuse(one.origin, f"{one.path} needs it")
            await ask("fill", {"path": one.path}, one.data)
    committed = await in_daemon_thread(commit, files, chosen, undo_folder)
    settled: list[dict[str, Any]] = [{"path": path} for path in chosen.folders]
    whole = {change.path for change in changes.files if change in chosen.files}
    for path in going:
        told: dict[str, Any] = {"path": path, "whole": path in whole}
        with contextlib.suppress(FileNotFoundError):
            told |= msgspec.to_builtins(files.entry(path))
        settled.append(told)
    # It is on the disk by now. A sandbox that does not hear of it compares, and finds no change.
    with contextlib.suppress(SandboxError):
        await ask("settle", {"settled": settled})
    return committed


def _prepare(files: StagedFiles, changes: Changes, folder: Path) -> Plan:
    """Check every original, copy it to the undo folder and write down what will be done."""
    plan = Plan(state="writing")
    for number, change in enumerate(changes.files):
        item = Item(
            path=change.path,
            source=source_of(files, change.path),
            before=None,
            after=None if change.after is None else sha(change.after),
            mode=0o777 if change.executable else 0o666,
            temp=f".smolterm-{os.getpid()}-{folder.name}-{number}.tmp",
            kept=str(number),
        )
        _keep(files, item, folder)
        known = None if change.before is None else sha(change.before)
        if change.kind == "created":
            if item.before is not None:
                raise refuse(change.path, "there is such a file by now")
        elif item.before != known if known else item.version != change.version:
            raise refuse(change.path, "the original changed meanwhile")
        plan.items.append(item)
    write_plan(folder, plan)
    return plan


def _explained(error: BaseException) -> BaseException:
    if not isinstance(error, OSError):
        return error
    why = error.strerror or str(error)
    return CommitRefused(f"It could not be written: {why}.", kept="Nothing was written.")


def _keep(files: StagedFiles, item: Item, folder: Path) -> None:
    """Copy an original to the undo folder, and note what it was."""
    with opened(files, item.path) as found:
        if found is None:
            return
        fd, status = found
        digest = hashlib.sha256()
        with open(fd, "rb", closefd=False) as file, (folder / item.kept).open("xb") as copy:
            while piece := file.read(1 << 20):
                digest.update(piece)
                copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())
        item.before, item.version = digest.hexdigest(), version(status)
        item.mode = stat.S_IMODE(status.st_mode)
        if version(os.fstat(fd)) != item.version:
            raise refuse(item.path, "the original changed meanwhile")


def _write_beside(files: StagedFiles, item: Item, data: bytes, plan: Plan, folder: Path) -> None:
    """Write the new bytes next to where they belong, with the mode they will have."""
    made: list[str] = []
    try:
        with parent(files, item.path, made) as (at, name):
            fd = os.open(item.temp, NEW, item.mode & 0o777, dir_fd=at)
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                if item.before is not None:
                    _dress(fd, name, at, item.mode)
                file.flush()
                os.fsync(fd)
    finally:
        if made:
            plan.made += made
            write_plan(folder, plan)


def _dress(fd: int, name: str, at: int, mode: int) -> None:
    """Give a new file the mode, owner and attributes of the one that it replaces."""
    old = os.open(name, READ, dir_fd=at)
    try:
        status = os.fstat(old)
        with contextlib.suppress(OSError):
            if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(fd, status.st_uid, status.st_gid)
        os.fchmod(fd, mode)
        if hasattr(os, "listxattr"):
            with contextlib.suppress(OSError):
                for attribute in os.listxattr(old):
                    os.setxattr(fd, attribute, os.getxattr(old, attribute))
    finally:
        os.close(old)


def _put(files: StagedFiles, item: Item) -> None:
    """Let the new file take its place, unless the old one is another than was checked."""
    with parent(files, item.path) as (at, name):
        try:
            now = version(os.stat(name, dir_fd=at, follow_symlinks=False))
        except FileNotFoundError:
            now = ""
        if now != item.version:
            raise refuse(item.path, "the original changed meanwhile")
        if item.after is None:
            os.unlink(name, dir_fd=at)
        elif item.before is None:
            _link(item.temp, name, at)
        else:
            os.rename(item.temp, name, src_dir_fd=at, dst_dir_fd=at)
        settle(files, item.path, at, name)


def _link(temp: str, name: str, at: int) -> None:
    """Give a new file its name, and never another's."""
    try:
        os.link(temp, name, src_dir_fd=at, dst_dir_fd=at, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.EEXIST:
            raise
        # Not every file system has hard links.
        os.rename(temp, name, src_dir_fd=at, dst_dir_fd=at)
    else:
        os.unlink(temp, dir_fd=at)
