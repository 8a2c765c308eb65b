# ruff: noqa: E501
"""JavaScript in the worker against the broker and the host's record: only reached by way of Python.

`post` sends the broker what the worker itself would, `ring`, `reply` and `interrupt` are the shared
memory: both are taken from the worker by patched functions of the language.
"""

from __future__ import annotations

from tests.attacks.host import GATE, Attack

_POST = r"""
import asyncio
_take = '''(() => {
  if (globalThis.taken) return;
  const taken = globalThis.taken = {};
  const load = Atomics.load;
  Atomics.load = function (words, index) {
    if (words.length === 2) taken.ring = words;
    if (words.length === 5) taken.reply = words;
    return load.apply(this, arguments);
  };
})()'''
J(_take)
print("", end=""); import sys; sys.stdout.write(" "); sys.stdout.flush()
async def js(code):
    return str(await asyncio.wait_for(J("(async () => { const post = (m) => globalThis.postMessage(m); const t = globalThis.taken;" + code + "})()"), 4))
"""


def _attack(name: str, code: str) -> Attack:
    return Attack(
        "hostile", name, f"{GATE}{_POST}print(await js({code!r}))\nawait asyncio.sleep(.03)\n"
    )


HOSTILE = [
    _attack("end while the cell runs", """post({t: "done", payload: '{"value": "FORGED"}'})"""),
    _attack("many ends", """for (let i = 0; i < 1000; i++) post({t: "done", payload: '{"value": "FORGED"}'})"""),
    _attack("end that is an object", """post({t: "done", payload: {value: "FORGED"}})"""),
    _attack("end that cannot be text", """post({t: "done", payload: {toString: 1, valueOf: 1}})"""),
    _attack("end without anything", """post({t: "done"})"""),
    _attack("end of 100 MB", """post({t: "done", payload: "x".repeat(100_000_000)})"""),
    _attack("failure with escapes", """post({t: "failed", why: "\\x1b]0;FORGED\\x07\\x1b[2J"})"""),
    _attack("question of an unknown kind", """post({t: "ask", number: 1, kind: "exec", request: "FORGED"})"""),
    _attack("tool that is not offered", """post({t: "ask", number: 1, kind: "tool", request: '{"tool": "exec", "args": ["1"], "kwargs": {}}'})"""),
    _attack("questions that nobody waits for", """for (let i = 0; i < 300; i++) post({t: "ask", number: i, kind: "tool", request: '{"tool": "note", "args": [1], "kwargs": {}}'})"""),
    _attack("file outside", """post({t: "ask", number: 1, kind: "file", request: '{"op": "read", "path": "/etc/passwd", "offset": 0, "length": 100}'})"""),
    _attack("package by a path", """post({t: "ask", number: 1, kind: "package", request: "../../../etc/passwd"})"""),
    _attack("input of all bytes", """post({t: "ask", number: 1, kind: "stdin", request: "1e999"})"""),
    _attack("question without a number", """post({t: "ask", number: NaN, kind: {}, request: []})"""),
    _attack("answer to an operation", """for (let i = 0; i < 100; i++) post({t: "did", id: i, result: '{"why": ""}'})"""),
    _attack("state of its own", """post({t: "kept", about: '{"step": 1}', raw: new Uint8Array(10)})"""),
    _attack("states in numbers", """for (let i = 0; i < 200; i++) post({t: "kept", about: "x".repeat(100000), raw: new Uint8Array(1000)})"""),
    _attack("state of the wrong size", """post({t: "kept", about: JSON.stringify({step: 1, why: "", memory: 1, pages: 5, libraries: [], table: 0, addresses: "", strings: [], references: 0, entries: null, gone: [], blobs: [], open: []}), raw: new Uint8Array(10)})"""),
    _attack("second ready", """post({t: "ready", version: "x".repeat(1000000)})"""),
    _attack("message that is nothing", """post(null); post(5); post("done"); post([]); post({}); post({t: {}})"""),
    _attack("prototype in a message", """post(JSON.parse('{"t": "done", "__proto__": {"payload": "FORGED"}}'))"""),
    _attack("flood", """for (let i = 0; i < 100_000; i++) post({t: "full"})"""),
    _attack("ring: too much", """Atomics.store(t.ring, 1, Atomics.load(t.ring, 0) + (1 << 21))"""),
    _attack("ring: backwards", """Atomics.store(t.ring, 1, Atomics.load(t.ring, 0) - 8)"""),
    _attack("ring: long record", """const b = new Uint8Array(t.ring.buffer, 64); const r = Atomics.load(t.ring, 0) & 0xfffff; b.set([1, 255, 255, 255, 255], r); Atomics.store(t.ring, 1, Atomics.load(t.ring, 0) + 50)"""),
    _attack("ring: unknown stream", """const b = new Uint8Array(t.ring.buffer, 64); const r = Atomics.load(t.ring, 0) & 0xfffff; b.set([9, 5, 0, 0, 0, 70, 79, 82, 71, 69], r); Atomics.store(t.ring, 1, Atomics.load(t.ring, 0) + 10)"""),
    _attack("ring: reader's word", """Atomics.store(t.ring, 0, 0x7fffffff)"""),
    _attack("worker that closes itself", """globalThis.close(); await new Promise(() => {})"""),
    _attack("error that nobody catches", """setTimeout(() => { throw new Error("\\x1b[2JFORGED") }, 1); await new Promise((a) => setTimeout(a, 100))"""),
    _attack("handler replaced", """globalThis.onmessage = () => post({t: "done", payload: '{"value": "FORGED"}'}); return 1"""),
    _attack("prototype of objects polluted", """Object.defineProperty(Object.prototype, "payload", {get() { return "FORGED" }}); return 1"""),
    _attack("workers in numbers", """for (let i = 0; i < 40; i++) new Worker("data:text/javascript,for(;;){}", {type: "module"}); return 1"""),
    _attack("heap filled", """const k = []; for (;;) k.push(new Array(1e6).fill(k.length))"""),
    _attack("buffers filled", """globalThis.k = []; for (let i = 0; i < 60; i++) { const b = new Uint8Array(1e8); b.fill(1); globalThis.k.push(b) } return "HELD" """),
    _attack("shared buffers filled", """globalThis.k = []; for (let i = 0; i < 60; i++) { const b = new Uint8Array(new SharedArrayBuffer(1e8)); b.fill(1); globalThis.k.push(b) } return "HELD" """),
    _attack("memory of WebAssembly grown", """globalThis.k = []; for (let i = 0; i < 20; i++) { const m = new WebAssembly.Memory({initial: 4096, maximum: 8192}); new Uint8Array(m.buffer).fill(1); globalThis.k.push(m) } return "HELD" """),
]  # fmt: skip
