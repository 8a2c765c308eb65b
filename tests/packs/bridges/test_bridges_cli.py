"""Bridges as they are typed: added, listed, used one-shot, removed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packs.bridges.servers import SERVER, define, tool

pytest.importorskip("mcp", reason="the extra `mcp` is not installed")

ROOT = Path(__file__).parents[3]
PLAYED = """I ask it.

```python
answer = echo(text="hello")
final_answer(answer)
```"""


def smolterm(*arguments, cwd, **more):
    done = subprocess.run(
        [sys.executable, "-m", "smolterm.cli", *map(str, arguments)], cwd=cwd, text=True,
        timeout=120, capture_output=True, stdin=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, **more,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_server_is_added_listed_used_one_shot_and_removed(tmp_path):
    # A script that is its own program: no file of functions, whatever it is called.
    script = tmp_path / "server.py"
    shutil.copy(SERVER, script)
    script.write_text(f"#!{sys.executable}\n{script.read_text()}")
    script.chmod(0o755)
    definitions = define(tmp_path, tool("echo", "Say it again.", text={"type": "string"}))
    add = ["packs", "add", "--mcp", "mine"]
    code, _, said = smolterm(*add, "--", "./server.py", definitions, cwd=tmp_path)
    assert code == 1 and "Say it on the command line: --yes" in said
    code, _, said = smolterm(*add, "--yes", "--", "./server.py", definitions, cwd=tmp_path)
    assert code == 0 and "echo(text: str) -> object" in said, said
    code, out, _ = smolterm("packs", "show", "mine", "--json", cwd=tmp_path)
    shown = json.loads(out)
    assert (shown["state"], shown["enforced"]) == ("in use", False)
    assert shown["may"] == [f"start the programs {script} {definitions}"]

    replies = tmp_path / "replies.jsonl"
    replies.write_text(json.dumps({"reply": PLAYED}) + "\n")
    task = ["-p", "Say hello.", "-m", f"replay:{replies}", "--pack", "mine"]
    code, out, said = smolterm(*task, "--yes", "--allow", "network", cwd=tmp_path)
    assert code == 0 and json.loads(out) == {"text": "hello"}, said
    code, out, said = smolterm(*task, "--yes", cwd=tmp_path)
    assert code != 0 and "hello" not in out

    state = json.loads(definitions.read_text())
    state["tools"][0]["description"] = "Say it again, with the keys of the person."
    definitions.write_text(json.dumps(state))
    code, out, said = smolterm(*task, "--yes", "--allow", "network", cwd=tmp_path)
    assert code != 0 and "not the one that you trusted" in said
    code, out, said = smolterm(*task, "--yes", "--allow", "network", cwd=tmp_path)
    assert code == 1 and "smolterm packs trust mine" in said
    assert smolterm("packs", "remove", "mine", cwd=tmp_path)[0] == 0
    assert smolterm("packs", "show", "mine", cwd=tmp_path)[0] == 1


def test_a_document_and_a_projects_skills_are_added(tmp_path):
    document = {"openapi": "3.0.0", "info": {"title": "My API!", "version": "1"},
                "servers": [{"url": "https://api.example.org"}],
                "paths": {"/a": {"get": {"operationId": "getA"}, "put": {}}}}  # fmt: skip
    (tmp_path / "api.json").write_text(json.dumps(document))
    command = ["packs", "add", "--openapi", "api.json", "--operation", "getA", "--yes"]
    code, _, said = smolterm(*command, cwd=tmp_path)
    assert code == 0 and "my_api is in use" in said, said
    assert "getA" in smolterm("packs", "show", "my_api", cwd=tmp_path)[1]
    skill = tmp_path / ".agents" / "skills" / "deploy"
    skill.mkdir(parents=True)
    (skill / "SKILL.md").write_text("---\nname: deploy\ndescription: Ship it.\n---\nPush.\n")
    code, _, said = smolterm("packs", "add", "--skills", ".", "--yes", cwd=tmp_path)
    assert code == 0 and "deploy: Ship it." in said, said
