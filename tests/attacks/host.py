# ruff: noqa: E501
"""Attacks on the host by JavaScript: what code would do that got out of Python into the worker.

Each is an expression; `D` is Deno's own namespace, `node(name)` imports one of Node's modules.
"""

from __future__ import annotations

from typing import NamedTuple


class Attack(NamedTuple):
    kind: str
    name: str
    code: str


# Every way that is known from Python to a function which runs JavaScript from a string.
GATE = r"""
def _gate():
    import json, sys
    def by_js():
        import js; return js.eval
    def by_run_js():
        from pyodide.code import run_js; return run_js
    def by_function(function):
        while True:
            function = function.constructor
            if str(function.name) == "Function": break
        return lambda text: function("return eval(" + json.dumps(text) + ")")()
    def by_array():
        from pyodide.ffi import to_js; return by_function(to_js([1]))
    def by_api():
        return by_function(sys.modules["pyodide_js._api"].public_api.runPython)
    why = []
    for way in (by_js, by_run_js, by_array, by_api):
        try:
            gate = way()
            assert str(gate("40+2")) == "42"
            return gate
        except BaseException as error:
            why.append(way.__name__ + ": " + repr(error)[:80])
    raise RuntimeError("no way to JavaScript: " + "; ".join(why))
J = globals().get("J") or _gate()
"""

_IN_JS = (
    GATE
    + r"""
import asyncio
_code = '''(async () => {
  const D = globalThis.Deno ??= globalThis._Deno;
  globalThis.process ??= globalThis._process;
  const fetch = globalThis._fetch ?? globalThis.fetch;
  const node = (name) => import("node:" + name).then((m) => m.default ?? m);
  const text = (b) => new TextDecoder().decode(b);
  try { return "GOT " + String(await (async () => { %s })()); }
  catch (e) { return "ERR " + e; }
})()'''
print(str(await asyncio.wait_for(J(_code), 4))[:20000])
"""
)

_READ = [
    ("open and read", "const f = D.openSync('__CANARY_FILE__'); const b = new Uint8Array(99); f.readSync(b); return text(b)"),
    ("async open, as a stream", "const f = await D.open('__CANARY_FILE__'); let s = ''; for await (const c of f.readable) s += text(c); return s"),
    ("names in a folder", "return [...D.readDirSync('__CANARY_DIR__')].map((e) => e.name)"),
    ("size of a file", "return 'size=' + D.statSync('__CANARY_DIR__/sized').size"),
    ("lstat of Node", "return 'size=' + (await node('fs')).lstatSync('__CANARY_DIR__/sized').size"),
    ("link to a file, then read", "D.symlinkSync('__CANARY_FILE__', '__CANARY_OUT__'); return text(D.readFileSync('__CANARY_OUT__'))"),
    ("fetch of a file URL", "return await (await fetch('file://__CANARY_FILE__')).text()"),
    ("promises of node:fs", "return await (await node('fs/promises')).readFile('__CANARY_FILE__', 'utf8')"),
    ("stream of node:fs", "const fs = await node('fs'); return await new Promise((a, b) => fs.createReadStream('__CANARY_FILE__').on('data', (d) => a(text(d))).on('error', b))"),
    ("opendir of node:fs", "const d = (await node('fs')).opendirSync('__CANARY_DIR__'); let s = ''; for (let e; e = d.readSync();) s += e.name + ' '; return s"),
    ("openAsBlob", "return await (await (await node('fs')).openAsBlob('__CANARY_FILE__')).text()"),
    ("require of JSON", "return (await node('module')).createRequire('file:///x.js')('__CANARY_DIR__/secret.json').k"),
    ("import of a module", "return (await import('file://__CANARY_DIR__/secret.mjs')).k"),
    ("SQLite database", "const m = await node('sqlite'); return JSON.stringify(new m.DatabaseSync('__CANARY_DIR__/db.sqlite', {readOnly: true}).prepare('select k from t').get())"),
    ("database attached to one in memory", "const m = await node('sqlite'); const d = new m.DatabaseSync(':memory:'); d.exec(\"attach '__CANARY_DIR__/db.sqlite' as o\"); return JSON.stringify(d.prepare('select k from o.t').get())"),
    ("nested worker with rights of its own", "return await new Promise((a, b) => { const w = new Worker('data:text/javascript,' + encodeURIComponent(\"try { postMessage(Deno.readTextFileSync('__CANARY_FILE__')) } catch (e) { postMessage(String(e)) }\"), {type: 'module', deno: {permissions: {read: true}}}); w.onmessage = (e) => a(e.data); w.onerror = (e) => { e.preventDefault(); b(e.message) } })"),
    ("nested worker that inherits", "return await new Promise((a, b) => { const w = new Worker(URL.createObjectURL(new Blob([\"try { postMessage(Deno.readTextFileSync('__CANARY_FILE__')) } catch (e) { postMessage(String(e)) }\"])), {type: 'module', deno: {permissions: 'inherit'}}); w.onmessage = (e) => a(e.data); w.onerror = (e) => { e.preventDefault(); b(e.message) } })"),
    ("worker thread of Node", "const {Worker: W} = await node('worker_threads'); return await new Promise((a, b) => new W(\"const {parentPort: p} = require('worker_threads'); try { p.postMessage(require('fs').readFileSync('__CANARY_FILE__', 'utf8')) } catch (e) { p.postMessage(String(e)) }\", {eval: true}).on('message', a).on('error', b))"),
    ("permission asked for, then read", "await D.permissions.request({name: 'read', path: '__CANARY_FILE__'}); return D.readTextFileSync('__CANARY_FILE__')"),
    ("its own command line in /proc", "return D.readTextFileSync('/proc/self/cmdline')"),
    ("environment in /proc", "return D.readTextFileSync('/proc/' + D.ppid + '/environ')"),
    ("descriptors in /proc", "return [...D.readDirSync('/proc/self/fd')].length && D.readTextFileSync('/proc/self/cwd/../../../../../../../../../__CANARY_FILE__')"),
    ("cwd", "return 'CWD=' + D.cwd()"),
    ("glob of node:fs", "return (await node('fs')).globSync('*', {cwd: '__CANARY_DIR__'})"),
]  # fmt: skip

_WRITE = [
    ("create", "D.createSync('__CANARY_OUT__')"),
    ("append", "D.writeTextFileSync('__VICTIM__', 'x', {append: true})"),
    ("truncate", "D.truncateSync('__VICTIM__', 1)"),
    ("remove", "D.removeSync('__VICTIM__')"),
    ("rename", "D.renameSync('__VICTIM__', '__CANARY_OUT__')"),
    ("chmod", "D.chmodSync('__VICTIM__', 0o777)"),
    ("utime", "D.utimeSync('__VICTIM__', 5, 5)"),
    ("mkdir", "D.mkdirSync('__CANARY_OUT__')"),
    ("temporary file", "D.makeTempFileSync({dir: '__CANARY_DIR__'})"),
    ("temporary folder of Node", "(await node('fs')).mkdtempSync('__CANARY_DIR__/x')"),
    ("copy", "D.copyFileSync('__CANARY_FILE__', '__CANARY_OUT__')"),
    ("hard link", "D.linkSync('__VICTIM__', '__CANARY_OUT__')"),
    ("write of a stream of Node", "const s = (await node('fs')).createWriteStream('__CANARY_OUT__'); await new Promise((a, b) => s.on('error', b).end('x', a))"),
    ("cp of node:fs", "(await node('fs')).cpSync('__CANARY_FILE__', '__CANARY_OUT__')"),
    ("vacuum of SQLite into a file", "const m = await node('sqlite'); new m.DatabaseSync(':memory:').exec(\"vacuum into '__CANARY_OUT__'\")"),
    ("backup of SQLite", "const m = await node('sqlite'); await m.backup(new m.DatabaseSync(':memory:'), '__CANARY_OUT__')"),
    ("key-value store", "const k = await D.openKv('__CANARY_OUT__'); await k.set(['a'], 1); k.close()"),
    ("Unix socket that listens", "D.listen({transport: 'unix', path: '__CANARY_OUT__'})"),
]  # fmt: skip

_PROCESS = [
    ("Command", "new D.Command('/usr/bin/touch', {args: ['__CANARY_OUT__']}).outputSync()"),
    ("Command, spawned", "await new D.Command('/usr/bin/touch', {args: ['__CANARY_OUT__'], stdin: 'null'}).spawn().status"),
    ("execFile of Node", "(await node('child_process')).execFileSync('/usr/bin/touch', ['__CANARY_OUT__'])"),
    ("shell of Node", "const c = await node('child_process'); await new Promise((a) => { setTimeout(a, 2500); c.spawn('/usr/bin/touch __CANARY_OUT__', {shell: true}).on('exit', a).on('error', a) })"),
    ("foreign function", "return D.dlopen('libc.so.6', {system: {parameters: ['buffer'], result: 'i32'}}).symbols.system(new TextEncoder().encode('touch __CANARY_OUT__\\\\0'))"),
    ("foreign function by syscall number", "const b = new TextEncoder().encode('__CANARY_OUT__\\\\0'); D.dlopen('libc.so.6', {creat: {parameters: ['buffer', 'i32'], result: 'i32'}}).symbols.creat(b, 0o600)"),
]  # fmt: skip

_NETWORK = [
    ("TCP of Deno", "(await D.connect({hostname: '127.0.0.1', port: __CANARY_PORT__})).close()"),
    ("TCP of Node", "const net = await node('net'); await new Promise((a, b) => net.connect(__CANARY_PORT__, '127.0.0.1', a).on('error', b))"),
    ("HTTP of Node", "const http = await node('http'); await new Promise((a) => http.get('http://127.0.0.1:__CANARY_PORT__/').on('error', a))"),
    ("HTTP/2 of Node", "const h = await node('http2'); const s = h.connect('http://127.0.0.1:__CANARY_PORT__').on('error', () => {}); await new Promise((a) => setTimeout(a, 200))"),
    ("TLS of Deno", "await D.connectTls({hostname: '127.0.0.1', port: __CANARY_PORT__})"),
    ("TLS of Node", "const t = await node('tls'); await new Promise((a) => t.connect(__CANARY_PORT__, '127.0.0.1').on('error', a))"),
    ("WebSocket", "await new Promise((a) => { const w = new WebSocket('ws://127.0.0.1:__CANARY_PORT__/'); w.onerror = w.onopen = a })"),
    ("fetch", "await fetch('http://127.0.0.1:__CANARY_PORT__/')"),
    ("fetch by way of a proxy", "const client = D.createHttpClient({proxy: {url: 'http://127.0.0.1:__CANARY_PORT__'}}); await fetch('http://example.invalid/', {client})"),
    ("UDP of Node", "const s = (await node('dgram')).createSocket('udp4'); await new Promise((a) => s.send('x', __UDP_PORT__, '127.0.0.1', a))"),
    ("UDP of Deno", "const s = D.listenDatagram({transport: 'udp', hostname: '127.0.0.1', port: 0}); await s.send(new Uint8Array([1]), {transport: 'udp', hostname: '127.0.0.1', port: __UDP_PORT__})"),
    ("question to a name server", "await Promise.race([D.resolveDns('a.example', 'A', {nameServer: {ipAddr: '127.0.0.1', port: __UDP_PORT__}}), new Promise((a) => setTimeout(a, 300))])"),
    ("resolver of Node", "const r = new (await node('dns')).Resolver({timeout: 200, tries: 1}); r.setServers(['127.0.0.1:__UDP_PORT__']); r.resolve4('a.example', () => {}); await new Promise((a) => setTimeout(a, 200))"),
    ("Unix socket", "(await D.connect({transport: 'unix', path: '__UNIX__'})).close()"),
    ("Unix socket of Node", "const net = await node('net'); await new Promise((a, b) => net.connect('__UNIX__', a).on('error', b))"),
    ("listener", "D.listen({hostname: '127.0.0.1', port: __FREE_PORT__})"),
    ("server of Deno", "D.serve({hostname: '127.0.0.1', port: __FREE_PORT__, onListen() {}}, () => new Response(''))"),
    ("server of Node", "const http = await node('http'); await new Promise((a, b) => http.createServer(() => {}).listen(__FREE_PORT__, '127.0.0.1', a).on('error', b))"),
    ("inspector", "(await node('inspector')).open(__FREE_PORT__, '127.0.0.1')"),
    ("nested worker's connection", "await new Promise((a) => { const w = new Worker('data:text/javascript,' + encodeURIComponent(\"await Deno.connect({hostname: '127.0.0.1', port: __CANARY_PORT__}).catch(() => {}); postMessage(1)\"), {type: 'module', deno: {permissions: {net: true}}}); w.onmessage = a; w.onerror = (e) => { e.preventDefault(); a() } })"),
]  # fmt: skip

_SYSTEM = [
    ("one variable", "return D.env.get('__CANARY_ENV__')"),
    ("node:os hostname", "return 'HOST=' + (await node('os')).hostname()"),
    ("hostname of Deno", "return 'HOST=' + D.hostname()"),
    ("release", "return 'RELEASE=' + D.osRelease()"),
    ("user id", "return 'UID=' + D.uid() + ';'"),
    ("user of node:os", "return 'UID=' + (await node('os')).userInfo().uid + ';'"),
    ("load", "return 'LOAD=[' + D.loadavg() + ']'"),
]  # fmt: skip

HOST = [
    Attack(kind, name, _IN_JS % code.replace("'''", ""))
    for kind, rows in [
        ("read", _READ), ("write", _WRITE), ("process", _PROCESS),
        ("network", _NETWORK), ("system", _SYSTEM),
    ]
    for name, code in rows
]  # fmt: skip
