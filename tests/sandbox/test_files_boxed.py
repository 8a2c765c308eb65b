"""Staged files in a real sandbox: rewound, saved, waited for."""

from __future__ import annotations

import asyncio

import pytest

from smolterm.sandbox.files import StagedFiles


@pytest.fixture(scope="module")
def boxed(start_sandbox, tmp_path_factory):
    """A sandbox that sees a folder."""
    folder = tmp_path_factory.mktemp("boxed")
    (folder / "sub").mkdir()
    (folder / "a").write_text("one\n")
    (folder / "sub" / "b").write_text("two\n")
    files = StagedFiles()
    files.mount(folder, at="/files/boxed", writable=True)
    yield start_sandbox(files=files), folder
    files.close()


def test_a_rewind_brings_the_staged_tree_back(boxed):
    box, folder = boxed
    box.run("import os; os.chdir('/files/boxed'); held = open('sub/b', 'r+'); held.read(1)")
    box.run("os.mkdir('new'); open('new/ours', 'w').close(); os.rename('a', 'moved')")
    step = box.do(box.sandbox.checkpoint())
    look = "sorted(os.listdir()), sorted(os.listdir('new')), open('moved').read(), held.tell()"
    seen = box.value(look)
    assert seen == (["moved", "new", "sub"], ["ours"], "one\n", 1)
    (folder / "new").mkdir()
    (folder / "new" / "theirs").touch()
    assert box.value(look)[1] == ["ours", "theirs"]
    box.run(
        "import shutil; shutil.rmtree('new'); held.write('XY'); held.close(); os.remove('moved')"
    )
    (folder / "new" / "theirs").unlink()
    (folder / "new").rmdir()
    assert box.do(box.sandbox.rewind(step)).way == "memory"
    assert box.value(look) == seen
    assert box.value("held.seek(0), held.read(), open('sub/b').read()") == (0, "two\n", "two\n")
    changes = box.do(box.sandbox.changes())
    assert [(c.path, c.kind) for c in changes.files] == [
        ("/files/boxed/a", "deleted"), ("/files/boxed/moved", "created"),
        ("/files/boxed/new/ours", "created"),
    ]  # fmt: skip


def test_a_save_takes_the_staged_tree_along(boxed, start_sandbox, tmp_path):
    box, folder = boxed
    box.run("import os; os.chdir('/files/boxed')")
    box.run("open('sub/c', 'w').write('made'); os.remove('sub/b')")
    box.do(box.sandbox.save(tmp_path / "state"))
    files = StagedFiles()
    files.mount(folder, at="/files/boxed", writable=True)
    other = start_sandbox(files=files)
    other.do(other.sandbox.restore(tmp_path / "state"))
    assert other.value("os.listdir('/files/boxed/sub')") == ["c"]
    assert other.value("open('/files/boxed/sub/c').read()") == "made"
    changes = other.do(other.sandbox.changes())
    assert ("/files/boxed/sub/b", "deleted") in [(c.path, c.kind) for c in changes.files]
    assert ("/files/boxed/sub/c", "created") in [(c.path, c.kind) for c in changes.files]


def test_a_wait_for_the_host_can_be_interrupted(boxed):
    box, _ = boxed
    box.run("import os")

    async def work():
        running = asyncio.create_task(box.sandbox.run("while True: os.stat('/files/boxed/sub')"))
        await asyncio.sleep(0)
        while not box.sandbox.busy:
            await asyncio.sleep(0)
        await box.sandbox.interrupt()
        return await running

    done = box.do(work())
    assert done.error is not None and done.error.type == "KeyboardInterrupt"
    assert box.value("os.path.isdir('/files/boxed/sub')") is True
