"""From an import to a wheel: the order of places, the question, and what happens offline."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from typing import Any

import msgspec
import pytest

from smolterm.errors import (
    FetchFailed,
    PackageConflict,
    PackageDamaged,
    PackageMissing,
    PackageRefused,
    UsageError,
)
from smolterm.packages import Wheel
from smolterm.packages.fetch import FetchLimits
from smolterm.packages.lock import Lock, read_lock
from smolterm.sandbox.assets import pinned
from tests.packages.conftest import lock_entry
from tests.packages.server import Reply, Server
from tests.packages.wheels import filename, make_wheel


def provide(packages: Any, module: str) -> list[Wheel]:
    return asyncio.run(packages.provide(module))


def resolve(packages: Any, *requirements: str) -> list[Wheel]:
    return asyncio.run(packages.resolve(requirements))


def named(wheels: list[Wheel]) -> list[str]:
    return [f"{wheel.name} {wheel.version}" for wheel in wheels]


def test_an_import_from_the_collection_asks_once_and_never_again(server, packages, asked):
    one = packages()
    wheels = provide(one, "frame")
    assert named(wheels) == ["arrays 1.0", "frames 1.0"]
    assert wheels[1].imports == ("frame",)
    assert len(asked.plans) == 1
    plan = asked.plans[0]
    assert [p.name for p in plan.downloads] == ["arrays", "frames"]
    assert plan.size == sum(len(wheel.read()) for wheel in wheels)
    lines = "\n".join(plan.lines())
    assert "frames 1.0" in lines and server.url in lines and "kB" in lines
    assert named(provide(one, "frame")) == named(wheels)
    # Nor in a later session, which needs no network at all.
    server.asked.clear()
    assert named(provide(packages(), "frame")) == named(wheels)
    assert (len(asked.plans), server.asked) == (1, [])


def test_pip_is_not_asked_for_what_the_collection_has(server, packages):
    resolve(packages(), "frames>=1")
    assert not [path for path in server.asked if "/simple/" in path]


def test_a_name_that_only_code_knows_is_not_looked_up_without_a_yes(server, packages, asked):
    server.publish("thing")
    asked.says = False
    one = packages()
    for _ in range(2):
        with pytest.raises(PackageRefused, match="thing was not allowed"):
            provide(one, "thing")
    assert server.asked == []
    assert [plan.look_up for plan in asked.plans] == ["thing"]
    asked.says = True
    assert named(provide(packages(), "thing")) == ["thing 1.0"]
    assert [plan.look_up for plan in asked.plans[1:]] == ["thing", ""]


def test_what_a_person_names_is_looked_up_and_asked_about_once(server, packages, asked):
    server.publish("thing", requires=("needed",))
    server.publish("needed")
    assert set(named(resolve(packages(), "thing"))) == {"thing 1.0", "needed 1.0"}
    assert [len(plan.downloads) for plan in asked.plans] == [2]


@pytest.mark.parametrize("consent", [None, "no"])
def test_no_answer_and_no_are_no(server, packages, asked, consent):
    asked.says = False
    options = {} if consent else {"consent": None}
    with pytest.raises(PackageRefused, match="arrays") as caught:
        resolve(packages(**options), "arrays")
    assert "smolterm packages add arrays" in caught.value.next
    assert not [path for path in server.asked if path.startswith("GET /pyodide")]


@pytest.mark.parametrize("module", ["tkinter", "a b", "ä", "x" * 200, "", "-r", "../x"])
def test_names_that_are_never_looked_up(server, packages, asked, module):
    with pytest.raises(PackageMissing):
        provide(packages(), module)
    assert (server.asked, asked.plans) == ([], [])


def test_code_cannot_send_names_to_the_index_without_end(server, packages, monkeypatch):
    monkeypatch.setattr("smolterm.packages.provide.MOST_LOOKUPS", 2)
    one = packages()
    for number in range(4):
        kind = PackageMissing if number < 2 else PackageRefused
        with pytest.raises(kind):
            provide(one, f"secret_{number}")
    assert not [path for path in server.asked if "secret-2" in path or "secret-3" in path]


def test_a_package_without_the_module(server, packages):
    server.publish("thing", data=make_wheel("thing", files={"other.py": ""}))
    with pytest.raises(PackageMissing, match="thing has no module thing"):
        provide(packages(), "thing")


def test_the_index_is_used_when_the_collection_cannot_be_reached(server, packages, collection):
    gone = Server()
    gone.close()
    collection.base_url = gone.collection
    server.publish("arrays", "2.0")
    assert named(resolve(packages(), "arrays")) == ["arrays 2.0"]
    with pytest.raises(PackageMissing, match=r"frames could not be had.*no wheel of frames") as e:
        resolve(packages(), "frames")
    assert "smolterm packages add frames" in e.value.next
    assert "mirror" in e.value.next


def test_what_a_part_of_a_mirror_lacks_comes_from_the_index(server, packages, collection):
    del server.replies[f"/pyodide/{collection.item('arrays').filename}"]
    server.publish("plots", requires=("frames",))
    server.publish("arrays", "2.0")
    assert set(named(resolve(packages(), "plots"))) == {"plots 1.0", "frames 1.0", "arrays 2.0"}


@pytest.mark.parametrize("fault", ["corrupt", "truncated", "other hash"])
def test_a_bad_wheel_is_never_handed_over(server, packages, fault, tmp_path):
    reply = server.publish("thing", sha256="0" * 64 if fault == "other hash" else "")
    if fault == "corrupt":
        reply.body = reply.body[:-1] + b"\xff"
    elif fault == "truncated":
        reply.announced, reply.body = len(reply.body), reply.body[:50]
    with pytest.raises((PackageDamaged, FetchFailed)):
        resolve(packages(), "thing")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_offline_the_cache_serves_and_a_missing_one_names_the_command(server, packages, asked):
    server.publish("thing", requires=("needed>=1",))
    server.publish("needed")
    resolve(packages(), "thing")
    resolve(packages(), "frames")
    server.close()
    asked.plans.clear()
    away = packages(offline=True)
    assert set(named(provide(away, "thing"))) == {"thing 1.0", "needed 1.0"}
    # Chosen anew from what is here, in ways in which nobody asked before.
    assert named(resolve(packages(offline=True), "needed<2")) == ["needed 1.0"]
    both = resolve(packages(offline=True), "arrays", "thing")
    assert set(named(both)) == {"arrays 1.0", "needed 1.0", "thing 1.0"}
    assert named(provide(packages(offline=True), "arrays")) == ["arrays 1.0"]
    with pytest.raises(PackageMissing, match=r"absent is not in the cache.*offline") as caught:
        provide(packages(offline=True), "absent")
    assert "`smolterm packages add absent`" in caught.value.next
    with pytest.raises(PackageMissing, match=r"^absent is not in the cache"):
        resolve(packages(offline=True), "thing", "absent")
    assert asked.plans == []


def test_a_damaged_original_is_fetched_again_or_refused_offline(server, packages, asked, tmp_path):
    wheel = resolve(packages(), "arrays")[0]
    good = wheel.path.read_bytes()
    wheel.path.write_bytes(good[:-1] + b"\xff")
    with pytest.raises(PackageDamaged, match="checksum"):
        wheel.read()
    with pytest.raises(PackageDamaged, match="offline") as caught:
        resolve(packages(offline=True), "arrays")
    assert "`smolterm packages add arrays`" in caught.value.next
    assert resolve(packages(), "arrays")[0].read() == good
    assert len(asked.plans) == 2


def test_what_was_fetched_once_and_lost_is_asked_of_the_index_again(server, packages, tmp_path):
    server.publish("thing")
    resolve(packages(), "thing")
    shutil.rmtree(tmp_path / "cache" / "wheels")
    assert named(resolve(packages(), "thing")) == ["thing 1.0"]
    shutil.rmtree(tmp_path / "cache" / "wheels")
    server.replies["/simple/thing/"] = Reply(headers={"Content-Type": "text/html"})
    server.publish("thing", data=make_wheel("thing", files={"thing.py": "evil = 1\n"}))
    with pytest.raises(PackageDamaged, match=r"another file of thing 1.0"):
        resolve(packages(), "thing")


FETCHING = """
import asyncio, sys
from pathlib import Path
from smolterm.packages.provide import Packages
async def yes(plan): return True
one = Packages(consent=yes, index=sys.argv[1], cache=Path(sys.argv[2]), lock=Path(sys.argv[3]),
               compile_once=False)
asyncio.run(one.resolve(["thing"]))
"""


def test_kill_9_in_a_download_leaves_nothing_half(server, packages, tmp_path):
    reply = server.publish("thing")
    whole, reply.body = reply.body, reply.body[:50]
    reply.announced, reply.stall = len(whole), True
    paths = [str(tmp_path / name) for name in ("cache", "lock.json")]
    with subprocess.Popen([sys.executable, "-c", FETCHING, server.simple, *paths]) as process:
        assert server.stalled.wait(60)
        process.kill()
    server.publish("thing")
    assert named(resolve(packages(), "thing")) == ["thing 1.0"]
    assert list((tmp_path / "cache" / "new").iterdir()) == []


def test_two_sessions_at_once_both_get_it(packages):
    async def both() -> list[list[Wheel]]:
        return await asyncio.gather(*(packages().resolve(["frames"]) for _ in range(4)))

    found = asyncio.run(both())
    assert all(wheel.read() for wheels in found for wheel in wheels)


def test_later_packages_go_with_those_in_use(server, packages):
    server.publish("thing", "1.0")
    server.publish("thing", "2.0")
    server.publish("user", requires=("thing",))
    server.publish("newest", requires=("thing>=2",))
    one = packages()
    resolve(one, "thing<2")
    assert "thing 1.0" in named(resolve(one, "user"))
    with pytest.raises(PackageConflict):
        resolve(one, "newest")
    assert "thing 2.0" in named(resolve(packages(), "newest"))


def test_a_locked_package_needs_no_question(server, packages, asked, tmp_path):
    server.publish("thing", "1.0")
    server.publish("thing", "2.0")
    items = asyncio.run(packages().renew(["thing<2"]))
    lock = Lock(pyodide=pinned().version, roots={"thing": "thing<2"}, packages=items)
    (tmp_path / "lock.json").write_bytes(msgspec.json.encode(lock))
    assert read_lock(tmp_path / "lock.json") == lock
    server.close()
    assert named(provide(packages(consent=None), "thing")) == ["thing 1.0"]
    assert named(resolve(packages(consent=None), "thing")) == ["thing 1.0"]


def test_renewing_keeps_versions_where_that_is_possible(server, packages):
    for version in ("1.0", "2.0"):
        server.publish("thing", version)
    server.publish("newest", requires=("thing>=2",))

    def renewed(*texts: str, keep: dict[str, str]) -> set[str]:
        items = asyncio.run(packages().renew(texts, keep))
        return {f"{item.name} {item.version}" for item in items}

    assert renewed("thing", keep={"thing": "1.0"}) == {"thing 1.0"}
    assert renewed("thing", "newest", keep={"thing": "1.0"}) == {"thing 2.0", "newest 1.0"}


def test_progress_is_told_and_never_runs_backwards(packages):
    told: list[tuple[str, float | None]] = []
    resolve(packages(progress=lambda *each: told.append(each)), "frames")
    fractions = [fraction for _, fraction in told if fraction is not None]
    assert fractions == sorted(fractions)
    assert told[-1] == ("frames: ready", 1.0)
    assert told[0][0].startswith("Downloading frames")


def test_a_slow_server_ends_in_an_error(server, packages, collection):
    reply = server.replies[f"/pyodide/{collection.item('arrays').filename}"]
    reply.announced, reply.body, reply.stall = len(reply.body), reply.body[:20], True
    one = packages(limits=FetchLimits(idle_seconds=0.2))
    with pytest.raises(FetchFailed, match="silent"):
        resolve(one, "arrays")


def test_nothing_but_requirements_is_taken(server, packages):
    with pytest.raises(UsageError):
        resolve(packages(), "thing @ file:///etc/passwd")
    assert resolve(packages()) == []
    assert server.asked == []


def test_shared_libraries_come_with_what_links_to_them(server, packages, collection):
    import io
    import zipfile

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("libfast.so", b"\0asm")
    wheel = make_wheel("linked")
    lock = {
        "info": msgspec.to_builtins(collection.info),
        "packages": {
            "libfast": lock_entry("libfast", made.getvalue(), kind="shared_library",
                                  file="libfast-1.zip", imports=()),
            "linked": lock_entry("linked", wheel, depends=("libfast",)),
        },
    }  # fmt: skip
    lock["packages"]["libfast"]["imports"] = []
    server.replies["/pyodide/libfast-1.zip"] = Reply(made.getvalue())
    server.replies[f"/pyodide/{lock['packages']['linked']['file_name']}"] = Reply(wheel)
    own = type(collection)(msgspec.json.encode(lock), base_url=server.collection)
    wheels = provide(packages(collection=own), "linked")
    assert [(w.name, w.kind) for w in wheels] == [
        ("libfast", "shared_library"), ("linked", "package")
    ]  # fmt: skip
    assert wheels[0].read() == made.getvalue()
    server.publish("user", requires=("linked",))
    found = resolve(packages(collection=own), "user")
    assert {w.name for w in found} == {"user", "linked", "libfast"}
    assert filename("user") in {w.filename for w in found}
    offline = resolve(packages(collection=own, offline=True), "linked<2")
    assert {w.name for w in offline} == {"linked", "libfast"}
