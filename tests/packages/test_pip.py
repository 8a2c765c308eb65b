"""pip as it really is, against an index on the loopback."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from smolterm.errors import FetchFailed, PackageConflict, PackageError, PackageMissing
from smolterm.packages.pip import Index, PipSettings, _environment, pip_settings
from smolterm.packages.resolve import Located, from_index, parsed
from tests.packages.server import Reply, Server
from tests.packages.wheels import PLATFORM, digest


def choose(server: Server, collection: Any, *texts: str, **options: Any) -> dict[str, Located]:
    options = {"with_collection": True, "given": {}, "settings": PipSettings({}), **options}
    index = options.pop("index", Index(server.simple))
    given = options.pop("given")
    work = from_index([parsed(text) for text in texts], collection, index, given, **options)
    return {one.item.name: one for one in asyncio.run(work)}


def versions(chosen: dict[str, Located]) -> dict[str, str]:
    return {name: one.item.version for name, one in chosen.items()}


def test_the_closure_is_judged_for_the_sandboxs_python(server, collection):
    server.publish("thing", requires=(
        "needed", 'newer; python_version >= "3.14"', 'inside; sys_platform == "emscripten"',
        'older; python_version < "3.14"', 'outside; platform_machine == "x86_64"',
    ))  # fmt: skip
    for name in ("needed", "newer", "inside"):
        server.publish(name)
    chosen = choose(server, collection, "thing")
    assert set(chosen) == {"thing", "needed", "newer", "inside"}
    assert set(chosen["thing"].item.needs) == {"needed", "newer", "inside"}
    # It chose without a single wheel.
    assert not [path for path in server.asked if path.endswith(".whl")]


def test_the_platforms_own_wheel_is_preferred_and_foreign_ones_are_not_seen(server, collection):
    server.publish("thing", tag="py3-none-any")
    server.publish("thing", tag=PLATFORM)
    server.publish("thing", "2.0", tag="cp314-cp314-manylinux_2_28_x86_64")
    assert choose(server, collection, "thing")["thing"].item.filename.endswith(f"{PLATFORM}.whl")


def test_the_collection_is_preferred_and_the_index_fills_up(server, collection):
    server.publish("plots", requires=("frames",))
    server.publish("arrays", "9.0")
    chosen = choose(server, collection, "plots")
    assert versions(chosen) == {"plots": "1.0", "frames": "1.0", "arrays": "1.0"}
    assert {name: one.item.origin for name, one in chosen.items()} == {
        "plots": "index", "frames": "pyodide", "arrays": "pyodide"
    }  # fmt: skip
    assert chosen["arrays"].url == collection.url(chosen["arrays"].item)


def test_whoever_needs_another_version_than_the_collections_gets_it(server, collection):
    server.publish("arrays", "9.0")
    assert versions(choose(server, collection, "arrays>=2")) == {"arrays": "9.0"}


def test_what_is_in_use_stays(server, collection):
    server.publish("thing", "1.0")
    server.publish("thing", "2.0")
    server.publish("user", requires=("thing",))
    server.publish("newest", requires=("thing>=2",))
    given = {"thing": "1.0"}
    assert versions(choose(server, collection, "user", given=given))["thing"] == "1.0"
    with pytest.raises(PackageConflict, match="newest"):
        choose(server, collection, "newest", given=given)


def test_extras_that_the_collection_cannot_know_come_from_the_index(server, collection):
    text = "Metadata-Version: 2.1\nName: frames\nVersion: 1.0\nProvides-Extra: more\n"
    text += 'Requires-Dist: extra-thing; extra == "more"\n'
    server.publish("frames", "1.0")
    server.replies["/files/frames-1.0-py3-none-any.whl.metadata"] = Reply(text.encode())
    page = server.replies["/simple/frames/"]
    before = page.body.split(b"sha256=")[2].split(b'"')[0]
    page.body = page.body.replace(before, digest(text.encode()).encode())
    server.publish("extra-thing")
    server.publish("user", requires=("frames[more]",))
    assert set(choose(server, collection, "frames[more]")) == {"frames", "extra-thing"}
    assert set(choose(server, collection, "user")) == {"user", "frames", "extra-thing"}


def test_no_code_of_a_package_is_ever_run(server, collection, tmp_path, monkeypatch):
    """A source distribution with a newer version and a `setup.py` that leaves a mark."""
    mark = tmp_path / "ran"
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        script = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n".encode()
        for name, data in {"setup.py": script, "PKG-INFO": b"Name: evil\nVersion: 9\n"}.items():
            member = tarfile.TarInfo(f"evil-9/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    server.replies["/files/evil-9.tar.gz"] = Reply(made.getvalue())
    link = f'<a href="/files/evil-9.tar.gz#sha256={digest(made.getvalue())}">evil-9.tar.gz</a>'
    page = Reply(link.encode(), headers={"Content-Type": "text/html"})
    server.replies["/simple/evil/"] = page
    # Not even where the user's own configuration wants everything built from source.
    monkeypatch.setenv("PIP_NO_BINARY", ":all:")
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nno-binary = :all:\n[install]\nno-binary = evil\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_INDEX_URL", server.simple)
    for index in (Index(server.simple), Index()):
        with pytest.raises(PackageMissing, match="no wheel of evil"):
            choose(server, collection, "evil", index=index)
    assert not mark.exists()
    assert not [path for path in server.asked if path.endswith(".tar.gz")]


def test_an_unknown_package_and_an_unknown_need(server, collection):
    server.publish("user", requires=("nowhere",))
    with pytest.raises(PackageMissing, match="no wheel of nothing"):
        choose(server, collection, "nothing", with_collection=False)
    with pytest.raises(PackageMissing, match=r"no wheel of nowhere.*which user needs"):
        choose(server, collection, "user", with_collection=False)


def test_a_need_that_is_built_for_other_platforms_alone(server, collection):
    for version in ("1.0", "2.0"):
        server.publish("user", version, requires=("native",))
    server.publish("native", tag="cp314-cp314-manylinux_2_28_x86_64")
    with pytest.raises(
        PackageConflict, match=r"No wheel of native .* fits user.*depends on native"
    ):
        choose(server, collection, "user", with_collection=False)


def test_requirements_that_exclude_each_other(server, collection):
    server.publish("one", requires=("thing<2",))
    server.publish("two", requires=("thing>=2",))
    server.publish("thing", "1.0")
    server.publish("thing", "2.0")
    with pytest.raises(PackageConflict, match=r"thing.* fits one, two.*one 1.0 depends on thing<2"):
        choose(server, collection, "one", "two", with_collection=False)


def test_nobody_listens(collection):
    gone = Server()
    gone.close()
    with pytest.raises(FetchFailed, match="could not be reached to find thing") as caught:
        choose(gone, collection, "thing", with_collection=False)
    assert "smolterm packages add thing" in caught.value.next


@pytest.mark.parametrize("sha256", ["", "md5"])
def test_an_index_that_names_no_hash(server, collection, sha256, tmp_path):
    """pip then takes the hash of what it got; ours must be the same file."""
    server.publish("thing")
    page = server.replies["/simple/thing/"]
    page.body = b'<a href="/files/thing-1.0-py3-none-any.whl">thing-1.0-py3-none-any.whl</a>'
    chosen = choose(server, collection, "thing", with_collection=False)["thing"]
    assert chosen.item.sha256 == digest(server.replies["/files/thing-1.0-py3-none-any.whl"].body)


def test_pip_itself_meets_a_wheel_of_another_hash(server, collection):
    server.publish("thing", sha256="0" * 64)
    page = server.replies["/simple/thing/"]
    page.body = page.body.split(b" data-core")[0] + b">thing-1.0-py3-none-any.whl</a>"
    with pytest.raises(PackageError, match="not the one that the index promised"):
        choose(server, collection, "thing", with_collection=False)


def test_a_folder_of_wheels_is_an_index(server, collection, tmp_path):
    server.publish("thing", requires=("needed",))
    server.publish("needed")
    for name in ("thing", "needed"):
        file = f"{name}-1.0-py3-none-any.whl"
        (tmp_path / file).write_bytes(server.replies[f"/files/{file}"].body)
    chosen = choose(server, collection, "thing", index=Index(str(tmp_path)))
    assert set(chosen) == {"thing", "needed"}
    assert chosen["thing"].url == (tmp_path / "thing-1.0-py3-none-any.whl").as_uri()
    assert server.asked == []


def test_the_users_configuration_is_read_and_keys_are_not_handed_on(monkeypatch, tmp_path):
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://me:pw@one.example/simple\ncert = /a.pem\n"
        "trusted-host =\n  two.example\n  three.example\n[install]\nextra-index-url = https://x\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    settings = asyncio.run(pip_settings())
    assert settings.indexes == ["https://me:pw@one.example/simple", "https://x"]
    assert settings.trusted_hosts == ["two.example", "three.example"]
    assert settings.values["cert"] == "/a.pem"
    assert settings.values["proxy"] == "http://proxy.example:3128"
    assert "OPENAI_API_KEY" not in _environment()
    alone = _environment(settings)
    assert alone["PIP_CONFIG_FILE"] == os.devnull
    assert alone["PIP_CERT"] == "/a.pem"
    assert not {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"} & set(alone)


def test_one_place_alone_means_no_other(monkeypatch):
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://elsewhere.example")
    monkeypatch.setenv("PIP_FIND_LINKS", "/somewhere")
    kept = _environment(PipSettings({}))
    assert not {"PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"} & set(kept)
    assert Index("https://index.example/simple").arguments() == [
        "--index-url", "https://index.example/simple"
    ]  # fmt: skip
    assert Index().arguments() == []
    assert Path(Index("x").arguments()[2]).is_absolute()
