"""Every exception smolterm raises, and the exit codes they end a command with.

SmoltermError
├── UsageError                 a wrong flag, value or file named by the person
│   ├── ConfigError            the configuration file or an environment variable
│   ├── MissingExtra           an optional package that this needs
│   ├── NoKey                  the provider's key is set nowhere
│   └── PackError              a tool pack that cannot be loaded
├── ModelError                 the model or its provider
│   ├── WrongKey               the provider refused the key
│   ├── ModelNotFound          the provider does not serve that model
│   ├── BadRequest             the provider refused the request
│   ├── ContextTooLong         the transcript no longer fits the model
│   ├── Unreachable            nothing answered at the address
│   ├── BadReply               what came back is not the protocol
│   ├── ModelFileError         a file that is no usable model
│   ├── GrammarError           a grammar for replies that is none
│   ├── ModelCrashed           the model's process ended while it was needed
│   └── Transient              trying again later may help
│       ├── RateLimited
│       ├── Overloaded
│       ├── StreamCut
│       └── ModelTimeout
├── SandboxError               the process that runs the agent's Python
│   ├── NoDeno                 the runtime is not installed
│   ├── CommitRefused          a change to a staged file cannot be written back
│   ├── SetupFailed            Pyodide could not be fetched, verified or prepared
│   └── SandboxDied            the process ended while it was needed
├── ChildError                 any other child process
│   ├── ChildDied
│   └── ChildProtocolError     a line that is not the protocol
├── PackageError               a package for the sandbox, or the cache that keeps it
│   ├── PackageMissing         it is nowhere, or offline and not in the cache
│   ├── PackageConflict        the requirements cannot be met together
│   ├── PackageRefused         the person, or the policy, said no
│   ├── PackageDamaged         what came is not what the hash says
│   └── FetchFailed            the server could not be reached, or did not deliver
├── RecipeError                a recipe that is wrong, or could not be built
├── LibraryError               the models' files: getting, checking and keeping them
│   ├── DownloadFailed         the server could not be reached, or did not deliver
│   ├── FileDamaged            what came, or lies there, is not what the hash says
│   └── NoSpace                the disk cannot hold it
├── ToolError                  a tool refused or failed; becomes an observation
│   └── Denied                 a pack tried what it was not granted
└── StoreError                 the session's file
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a smolterm command ends with."""

    OK = 0
    USAGE = 1
    FAILED = 2
    STOPPED = 3
    RETRYABLE = 75
    HANGUP = 129
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


class SmoltermError(Exception):
    """An error a person can meet: what happened, what was kept, what to do next."""

    exit_code = ExitCode.FAILED

    def __init__(self, what: str, *, kept: str = "", next: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.kept = kept
        self.next = next

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.kept, self.next) if part)


class UsageError(SmoltermError):
    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    pass


class MissingExtra(UsageError):
    pass


class NoKey(UsageError):
    pass


class PackError(UsageError):
    pass


class ModelError(SmoltermError):
    pass


class WrongKey(ModelError):
    pass


class ModelNotFound(ModelError):
    pass


class BadRequest(ModelError):
    pass


class ContextTooLong(ModelError):
    pass


class Unreachable(ModelError):
    pass


class BadReply(ModelError):
    pass


class ModelFileError(ModelError):
    pass


class GrammarError(ModelError):
    pass


class ModelCrashed(ModelError):
    pass


class Transient(ModelError):
    exit_code = ExitCode.RETRYABLE
    retry_after: float | None = None
    """Seconds the provider asked to wait."""


class RateLimited(Transient):
    pass


class Overloaded(Transient):
    pass


class StreamCut(Transient):
    pass


class ModelTimeout(Transient):
    pass


class SandboxError(SmoltermError):
    pass


class NoDeno(SandboxError):
    pass


class SetupFailed(SandboxError):
    pass


class CommitRefused(SandboxError):
    pass


class SandboxDied(SandboxError):
    pass


class ChildError(SmoltermError):
    pass


class ChildDied(ChildError):
    pass


class ChildProtocolError(ChildError):
    pass


class PackageError(SmoltermError):
    pass


class PackageMissing(PackageError):
    pass


class PackageConflict(PackageError):
    pass


class PackageRefused(PackageError):
    exit_code = ExitCode.STOPPED


class PackageDamaged(PackageError):
    pass


class FetchFailed(PackageError):
    exit_code = ExitCode.RETRYABLE


class RecipeError(SmoltermError):
    pass


class LibraryError(SmoltermError):
    pass


class DownloadFailed(LibraryError):
    exit_code = ExitCode.RETRYABLE


class FileDamaged(LibraryError):
    pass


class NoSpace(LibraryError):
    pass


class ToolError(SmoltermError):
    pass


class Denied(ToolError):
    pass


class StoreError(SmoltermError):
    pass


def error_named(name: str) -> type[SmoltermError]:
    """Return the exception class a child process named, or `ModelError` for an unknown name."""
    found = globals().get(name)
    if isinstance(found, type) and issubclass(found, SmoltermError):
        return found
    return ModelError
