"""pip as a child process: it reads the user's indexes and chooses versions, and runs nothing else.

Only wheels are considered, so no build and no `setup.py` ever runs; with `--dry-run` nothing is
installed. What it chose is downloaded by `fetch`, with limits of its own.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from smolterm.errors import (
    FetchFailed,
    PackageConflict,
    PackageDamaged,
    PackageError,
    PackageMissing,
)
from smolterm.packages.cache import built_folder
from smolterm.packages.collection import normal
from smolterm.packages.pip_child import UNUSABLE
from smolterm.sandbox.assets import FOR_FETCHING
from smolterm.spawn import plain_environment

SECONDS = 300.0
MOST_REPORT = 64 << 20
# What pip and the keyrings it asks read besides its own variables.
FOR_PIP = (
    *FOR_FETCHING, "CURL_CA_BUNDLE", "DBUS_SESSION_BUS_ADDRESS", "NETRC", "REQUESTS_CA_BUNDLE",
    "XDG_CACHE_HOME", "XDG_CONFIG_DIRS", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR",
)  # fmt: skip
_PLACES = ("EXTRA_INDEX_URL", "FIND_LINKS", "INDEX_URL", "NO_INDEX")


class Hashes(msgspec.Struct):
    hashes: dict[str, str] = {}


class Download(msgspec.Struct):
    url: str
    archive_info: Hashes | None = None


class Metadata(msgspec.Struct):
    name: str
    version: str
    requires_dist: list[str] = []


class Chosen(msgspec.Struct):
    """One line of pip's report."""

    download_info: Download
    metadata: Metadata
    requested_extras: list[str] = []


class _Report(msgspec.Struct):
    install: list[Chosen]


class PipSettings(msgspec.Struct, frozen=True):
    """What of the user's pip configuration also holds for our own downloads."""

    values: dict[str, str]

    @property
    def indexes(self) -> list[str]:
        """Every address that the user configured, credentials included."""
        given = f"{self.values.get('index-url', '')} {self.values.get('extra-index-url', '')}"
        return given.split()

    @property
    def trusted_hosts(self) -> list[str]:
        return self.values.get("trusted-host", "").split()


class Index(msgspec.Struct, frozen=True):
    """Where pip looks: the user's own configuration, or one place alone."""

    place: str = ""
    """Empty, the address of a simple index, a folder with one, or a folder of wheels."""
    offline: bool = False
    """Use `place`, a folder of wheels, and no network."""

    def arguments(self) -> list[str]:
        if not self.place:
            return []
        folder = Path(self.place)
        if "://" in self.place:
            return ["--index-url", self.place]
        if not self.offline and (folder / "simple").is_dir():
            return ["--index-url", (folder / "simple").absolute().as_uri()]
        return ["--no-index", "--find-links", str(folder.absolute())]


async def pip_settings() -> PipSettings:
    """Ask pip for the user's configuration: files and environment together."""
    code, said, _ = await _run(["-m", "pip", "config", "list"], _environment())
    values: dict[str, str] = {}
    for line in said.splitlines() if code == 0 else ():
        key, _, text = line.partition("=")
        with contextlib.suppress(ValueError, SyntaxError):
            section, name = key.strip("'").split(".", 1)
            value = ast.literal_eval(text)
            # The environment comes last and overrides the files, as it does for pip.
            if section in ("global", "install", ":env:") and isinstance(value, str):
                values[name.strip(".'")] = " ".join(value.split())
    return PipSettings(values)


async def ask_pip(
    requirements: Sequence[str],
    *,
    markers: Mapping[str, str],
    platforms: Sequence[str],
    index: Index,
    settings: PipSettings,
    constraints: Sequence[str] = (),
    find_links: Path | None = None,
    alone: bool = False,
) -> tuple[list[Chosen], str]:
    """Return what pip would install for the sandbox's Python, and what it warned of.

    Args:
        constraints: such as `numpy==2.4.6`.
        find_links: a folder of wheels to consider besides the index.
        alone: the packages named and not what they need.

    Raises:
        PackageMissing, PackageConflict, FetchFailed: pip's reasons.
    """
    with tempfile.TemporaryDirectory(prefix="smolterm-pip-") as work:
        report = Path(work) / "report.json"
        python = markers["python_version"]
        abi = "cp" + python.replace(".", "")
        arguments = ["install", "--dry-run", "--ignore-installed", "--report", str(report),
                     "--no-input", "--no-color", "--disable-pip-version-check",
                     "--progress-bar", "off",
                     "--only-binary", ":all:", "--python-version", python,
                     "--implementation", "cp", "--target", str(Path(work) / "target"),
                     "--retries", "1", "--no-user", *index.arguments()]  # fmt: skip
        for tag in (abi, "abi3", "none"):
            arguments += ["--abi", tag]
        for platform in (*platforms, "any"):
            arguments += ["--platform", platform]
        if constraints:
            listed = Path(work) / "constraints.txt"
            listed.write_text("".join(f"{line}\n" for line in constraints))
            arguments += ["--constraint", str(listed)]
        if alone:
            arguments.append("--no-deps")
        if find_links is not None:
            arguments += ["--find-links", str(find_links)]
        driver = [str(Path(__file__).with_name("pip_child.py")),
                  msgspec.json.encode(markers).decode()]  # fmt: skip
        environment = _environment(settings if index.place else None)
        code, out, errors = await _run(
            ["-P", *driver, *arguments, "--", *requirements], environment
        )
        # It tells the story of a conflict on standard output.
        errors = out + errors
        if code != 0:
            raise _explained(code, errors, requirements)
        try:
            if report.stat().st_size > MOST_REPORT:
                raise ValueError
            return msgspec.json.decode(report.read_bytes(), type=_Report).install, errors
        except (OSError, ValueError, msgspec.DecodeError):
            raise PackageError(
                "pip's report cannot be read.", next="Upgrade it: pip install --upgrade pip."
            ) from None


def _environment(instead_of_files: PipSettings | None = None) -> dict[str, str]:
    """Return pip's environment: nothing of ours, in which there may be keys.

    Args:
        instead_of_files: where one place alone counts, the settings that still hold.
    """
    kept = {name: os.environ[name] for name in FOR_PIP if name in os.environ}
    kept |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    if instead_of_files is None and (built := built_folder()).is_dir():
        # What was compiled here is in no index.
        kept["PIP_FIND_LINKS"] = f"{kept.get('PIP_FIND_LINKS', '')} {built.as_uri()}".strip()
    if instead_of_files is not None:
        for name in _PLACES:
            kept.pop(f"PIP_{name}", None)
        kept["PIP_CONFIG_FILE"] = os.devnull
        for name in ("cert", "client-cert", "default-timeout", "proxy", "timeout", "trusted-host"):
            if name in instead_of_files.values:
                kept[f"PIP_{name.upper().replace('-', '_')}"] = instead_of_files.values[name]
    # No report elsewhere, no requirements besides ours, no code but pip's.
    for name in ("PIP_REPORT", "PIP_REQUIREMENT", "PIP_EDITABLE", "PIP_PYTHON", "PIP_LOG",
                 "PIP_NO_BINARY", "PIP_USER", "PIP_PREFIX", "PIP_ROOT"):  # fmt: skip
        kept.pop(name, None)
    return plain_environment(**kept)


async def _run(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=dict(environment), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            out, errors = await process.communicate()
    except TimeoutError:
        raise FetchFailed(
            f"pip did not answer within {SECONDS / 60:.0f} minutes.", kept="Nothing was downloaded."
        ) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode(errors="replace"), errors.decode(errors="replace")


_NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError"
    r"|ConnectionResetError|ConnectionRefused|Failed to establish|Remote end closed|SSLError"
    r"|ProtocolError|RemoteDisconnected|There was a problem confirming the ssl certificate"
)
_NONE_FITS = re.compile(r"no matching distributions available for your environment:\s+([^\n]+)")
_NONE = re.compile(r"No matching distribution found for ([^\s;(]+)")


def _explained(code: int, errors: str, requirements: Sequence[str]) -> PackageError:
    names = ", ".join(requirements)
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    if "No module named pip" in errors or "No module named 'pip'" in errors or code == UNUSABLE:
        return PackageError(
            "pip, which finds packages, is missing or too old.",
            next="Install it beside smolterm: python -m ensurepip, then pip install --upgrade pip.",
        )
    if "DO NOT MATCH THE HASHES" in errors:
        return PackageDamaged(
            f"A file that pip read to choose {names} is not the one that the index promised.",
            kept="It was not kept.",
            next="Try again. If it stays so, the index or what is in between is wrong.",
        )
    if _NO_NETWORK.search(errors):
        return FetchFailed(
            f"The package index could not be reached to find {names}.",
            kept="Nothing was downloaded.",
            next=f"Connect and run `smolterm packages add {command_names(requirements)}`, or name "
            "a mirror with --index. Behind a proxy, set HTTPS_PROXY.",
        )
    if "ResolutionImpossible" in errors or "conflicting dependencies" in errors:
        none_fits = _NONE_FITS.search(errors)
        what = f"{names} cannot be met together."
        if none_fits is not None:
            # There is none at all, or each is excluded by somebody: pip does not say which.
            what = f"No wheel of {none_fits[1].strip()} for Python in WebAssembly fits {names}."
        why = "; ".join(line for line in lines if " depends on " in line)[:500]
        return PackageConflict(
            f"{what} {why}".rstrip(),
            kept="Nothing was downloaded.",
            next="Ask for other versions, or start a session without the packages it has.",
        )
    found = _NONE.search(errors)
    if found is not None:
        missing = found[1].rstrip(".")
        asked = normal(missing) in {normal(text) for text in requirements}
        whose = "" if asked else f", which {names} needs"
        return PackageMissing(
            f"The package index has no wheel of {missing} for Python in WebAssembly{whose}.",
            kept="Nothing was downloaded.",
            next="Only pure Python and packages built for Pyodide run in the sandbox.",
        )
    said = next((line for line in reversed(lines) if line.startswith("ERROR")), "no reason given")
    return PackageError(f"pip could not find {names}: {said[:300]}", kept="Nothing was downloaded.")


def command_names(requirements: Sequence[str]) -> str:
    """Return requirements as they are typed behind a command."""
    import shlex

    return shlex.join(requirements)
