// Starts Pyodide inside the worker, from bytes alone: from nothing, or from a snapshot of memory.

import { loadPyodide } from "pyodide/pyodide.mjs";
import createPyodideModule from "pyodide/pyodide.asm.mjs";
import { ask, interruptWith, print, sleep } from "./channel.ts";
import { admit, close, guardLibraries, guardObjects } from "./guard.ts";
import type { Lines } from "./lines.ts";
import { type Boot, PAGE, STDERR, STDOUT } from "./shared.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

const NOWHERE = "http://nowhere.invalid/";
const EMPTY_LOCK = JSON.stringify({
  info: {
    abi_version: "2026_0",
    arch: "wasm32",
    platform: "emscripten_5_0_3",
    python: "3.14.2",
    version: "314.0.7",
  },
  packages: {},
});
/** What most code imports, and what running any code brings in. */
const READY_MODULES = "bisect, collections, contextlib, copy, csv, dataclasses, datetime, enum, " +
  "functools, glob, heapq, io, itertools, json, math, operator, pathlib, random, re, shutil, " +
  "statistics, string, tempfile, textwrap, time, traceback, types, typing, rlcompleter, zipfile";
const OWN_IMPORT = /^from smolterm\.\S+ import (\([^)]*\)|.*)$/gm;
const NEWLINE = 10;
const decoder = new TextDecoder();

export interface Driver {
  runCell: Any;
  doNamed: Any;
  cancelTasks: Any;
  /** To be called when nothing is to be done; whether tasks wait in the event loop. */
  rest: () => boolean;
}

export interface Started {
  python: Any;
  driver: Driver;
  /** Memory as the snapshot has it; null after a start without one. */
  image: Uint8Array | null;
}

/** The starts of a process that only takes a snapshot, and of one that runs cells. */
export type Made = { python: Any; snapshot: Uint8Array<ArrayBuffer> } | Started;

/** What the prelude gets: functions of strings, bytes and numbers only, no object of ours. */
function makeBridge(python: () => Any, interrupt: Uint8Array, grow: (by: number) => void) {
  return {
    call: (request: string): string => decoder.decode(ask("tool", request)),
    /** The bytes lie in a file: as an object of JavaScript's they would have to be passed in. */
    fetch: (kind: string, request: string, path: string): number => {
      const bytes = ask(kind, request);
      if (kind === "package") {
        grow(bytes.length);
        const line = bytes.subarray(0, bytes.indexOf(NEWLINE));
        admit(JSON.parse(decoder.decode(line)).native);
      }
      python().FS.writeFile(path, bytes);
      return bytes.length;
    },
    sleep: (seconds: number): void => sleep(seconds * 1000),
    /** What a person is to look at, described as JSON; the image as Base64, or nothing. */
    show: (about: string, image: string): void => {
      // Asked, so that it comes between what is printed before and after.
      ask("show", `${about}\n${image}`);
    },
    /** While Python's own bookkeeping runs, a late signal must not strike it. */
    shield: (on: boolean): void => {
      if (on) python().setInterruptBuffer(undefined);
      else {
        interrupt[0] = 0;
        python().setInterruptBuffer(interrupt);
      }
    },
  };
}

/** Python looks for signals again and again while it runs: then there is time to note the line. */
function lookAtSignals(imports: Any, lines: Lines): void {
  const real = imports._Py_CheckEmscriptenSignals_Helper;
  const looking = () => {
    lines.look();
    return real();
  };
  looking.sig = real.sig;
  imports._Py_CheckEmscriptenSignals_Helper = looking;
}

/** A snapshot on disk leaves out the pages that hold nothing; here they come back. */
function expand(sparse: Uint8Array): Uint8Array {
  const words = new Uint32Array(sparse.buffer, sparse.byteOffset, 2);
  const [size, count] = words;
  const pages = new Uint32Array(sparse.buffer, sparse.byteOffset + 8, count);
  const whole = new Uint8Array(size);
  let at = 8 + 4 * count;
  for (const page of pages) {
    const start = page * PAGE;
    whole.set(sparse.subarray(at, at + Math.min(PAGE, size - start)), start);
    at += PAGE;
  }
  return whole;
}

/** The reverse of `expand`. */
function squeeze(whole: Uint8Array): Uint8Array<ArrayBuffer> {
  const found: number[] = [];
  const words = new Int32Array(whole.buffer, whole.byteOffset, whole.length >> 2);
  const perPage = PAGE >> 2;
  for (let page = 0; page * perPage < words.length; page++) {
    const end = Math.min((page + 1) * perPage, words.length);
    for (let at = page * perPage; at < end; at++) {
      if (words[at] !== 0) {
        found.push(page);
        break;
      }
    }
  }
  const sparse = new Uint8Array(8 + found.length * (4 + PAGE));
  new Uint32Array(sparse.buffer, 0, 2).set([whole.length, found.length]);
  new Uint32Array(sparse.buffer, 8, found.length).set(found);
  let at = 8 + 4 * found.length;
  for (const page of found) {
    sparse.set(whole.subarray(page * PAGE, (page + 1) * PAGE), at);
    at += PAGE;
  }
  return sparse;
}

export async function startPython(
  message: Boot,
  interrupt: Uint8Array,
  grow: (by: number) => void,
  lines: Lines,
): Promise<Made> {
  const { wasm, stdlib, options } = message;
  guardLibraries();
  const scope = globalThis as Any;
  const instantiate = WebAssembly.instantiate;
  // Pyodide fetches its parts; here they are handed to it, and there is nothing else to fetch.
  scope.fetch = (address: Any) => {
    const name = String(address?.url ?? address);
    if (name.endsWith(".zip")) return Promise.resolve(new Response(stdlib as BodyInit));
    if (name.endsWith(".wasm")) return Promise.resolve(new Response(""));
    return Promise.reject(new Error("There is no network here."));
  };
  scope.WebAssembly.instantiateStreaming = async (_: unknown, imports: WebAssembly.Imports) => {
    guardObjects(imports.env);
    lookAtSignals(imports.env as Any, lines);
    return { instance: await instantiate(wasm, imports), module: wasm };
  };
  const whole = message.snapshot ? expand(message.snapshot) : null;
  const header = whole ? new Uint32Array(whole.buffer, 0, 2)[1] : 0;
  const bridge = makeBridge(() => python, interrupt, grow);
  // deno-lint-ignore ban-types
  const parts: Record<string, Function> = { ...bridge };
  const python: Any = await loadPyodide({
    indexURL: NOWHERE,
    packageBaseUrl: NOWHERE,
    lockFileContents: EMPTY_LOCK,
    createPyodideModule: async (settings: Any) => {
      const module = await createPyodideModule(settings);
      // A snapshot may be larger than the memory that a new interpreter begins with.
      if (whole && module.HEAPU8.length < whole.length - header) {
        module.growMemory(whole.length - header);
      }
      return module;
    },
    jsglobals: Object.create(null),
    // Plots are drawn into memory; the prelude shows them.
    env: { HOME: "/home", MPLBACKEND: "agg", PYTHONHASHSEED: "0" },
    ...(options.makeSnapshot ? { _makeSnapshot: true } : {}),
    ...(whole
      ? {
        _loadSnapshot: whole,
        _snapshotDeserializer: (name: string) => name === "bridge" ? bridge : parts[name],
      }
      : {}),
  } as Any);
  python.setStdout({ write: (bytes: Uint8Array) => print(STDOUT, bytes), isatty: false });
  python.setStderr({ write: (bytes: Uint8Array) => print(STDERR, bytes), isatty: false });
  python.setStdin({
    read: (buffer: Uint8Array) => {
      const bytes = ask("stdin", String(buffer.length));
      buffer.set(bytes.subarray(0, buffer.length));
      return Math.min(bytes.length, buffer.length);
    },
    isatty: false,
  });
  lines.begin(python);
  interruptWith(() => python.checkInterrupt(), () => lines.look());
  if (!whole) {
    python.registerJsModule("_smolterm_bridge", bridge);
    const [unpack, ...texts] = message.prelude;
    python.globals.set("_unpack_source", unpack);
    // They are modules of their own on the host, and one here.
    python.runPython(texts.join("\n\n").replaceAll(OWN_IMPORT, ""));
  }
  if (options.makeSnapshot) {
    // Ready in every interpreter that starts from here.
    python.runPython(`import ${READY_MODULES}`);
    const name = (object: unknown) => {
      if (object === bridge) return "bridge";
      for (const part in parts) if (parts[part] === object) return part;
      throw new Error(`The snapshot would hold ${String(object)}.`);
    };
    return { python, snapshot: squeeze(python.makeMemorySnapshot({ serializer: name })) };
  }
  const made = python.runPython("__import__('sys').__dict__.pop('_smolterm')");
  const [runCell, doNamed, cancelTasks, rest, finish] = made.toJs({ depth: 1 });
  made.destroy();
  finish(JSON.stringify({ seed: options.seed ?? null }));
  finish.destroy();
  close();
  return {
    python,
    driver: { runCell, doNamed, cancelTasks, rest },
    image: whole?.subarray(header) ?? null,
  };
}
