// The interpreter's whole state between two cells: kept, brought back, described for the host so
// that another process can take it over.

import {
  bringTreeBack,
  describeTree,
  type Entry,
  heldBytes,
  keepTree,
  makeTree,
  type Sent,
  type Tree,
} from "./folders.ts";
import type { Tape } from "./clock.ts";
import { tree } from "./disk.ts";
import { KeptMemory } from "./memory.ts";
import { PAGE } from "./shared.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

/** Bytes; keeping more would take too much beside it. */
const MOST_MEMORY = 256 * 1024 * 1024;
const MOST_KEPT = 1000;
/** Bytes of files that are only there for older states; the oldest go first. */
const MOST_HELD = 128 * 1024 * 1024;
/** hiwire's immortal entries up to here are made by every interpreter. */
const FIRST_IMMORTAL = 7;

/** What the host is told of a kept state; the bytes come beside it, in this order. */
export interface About {
  step: number;
  /** Why this state cannot be brought back from memory; empty when it can. */
  why: string;
  /** Bytes of memory. */
  memory: number;
  /** Of memory that changed since the last kept state, or, the first time, since the snapshot. */
  pages: number;
  libraries: string[];
  /** Entries of WebAssembly's function table. */
  table: number;
  /** Where the libraries lie in memory. */
  addresses: string;
  /** JavaScript's strings and objects that Python numbers. */
  strings: string[];
  references: number;
  /** null: as it was in the last kept state. */
  entries: Entry[] | null;
  gone: string[];
  blobs: [number, number][];
  current: string;
  open: { fd: number; path: string; flags: number; position: number }[];
  /** Where the clock and the random numbers stand that repeat; empty in what an older one saved. */
  mark: number[];
}

interface Step {
  step: number;
  tree: Tree;
  /** Bytes that nothing after this state holds. */
  held: number;
  packages: number;
  libraries: number;
  finalizers: number;
  mark: number[];
}

/** Counts the timers of Python's event loop, so that those of a forgotten future are stopped. */
class Timers {
  #live = new Map<Any, number>();
  #made = 0;

  constructor() {
    const scope = globalThis as Any;
    const { setTimeout: later, clearTimeout: never } = globalThis;
    scope.setTimeout = (call: (...args: Any[]) => void, after: number, ...args: Any[]) => {
      const id = later(() => {
        this.#live.delete(id);
        call(...args);
      }, after);
      this.#live.set(id, ++this.#made);
      return id;
    };
    scope.clearTimeout = (id: Any) => {
      this.#live.delete(id);
      never(id);
    };
  }

  get size(): number {
    return this.#live.size;
  }

  stopAll(): void {
    for (const id of this.#live.keys()) (globalThis as Any).clearTimeout(id);
  }
}

/** Lets no finalizer of a forgotten future touch the memory of the past. */
class Finalizers {
  #count = 0;
  #void: [number, number][] = [];

  constructor() {
    const scope = globalThis as Any;
    const Real = scope.FinalizationRegistry;
    // deno-lint-ignore no-this-alias
    const all = this;
    scope.FinalizationRegistry = class {
      #real: Any;
      constructor(clean: (held: Any) => void) {
        this.#real = new Real(({ number, held }: { number: number; held: Any }) => {
          if (!all.#void.some(([from, to]) => number > from && number <= to)) clean(held);
        });
      }
      register(target: Any, held: Any, token?: Any) {
        this.#real.register(target, { number: ++all.#count, held }, token);
      }
      unregister(token: Any) {
        return this.#real.unregister(token);
      }
    };
  }

  get count(): number {
    return this.#count;
  }

  forgetSince(count: number): void {
    if (this.#count > count) this.#void.push([count, this.#count]);
  }
}

export class States {
  readonly #timers = new Timers();
  readonly #finalizers = new Finalizers();
  #python: Any;
  #memory: KeptMemory | null = null;
  #steps: Step[] = [];
  #base: Tree | undefined;
  #sent: Sent = { next: 1, blobs: new Map() };
  #sentVersion = -1;
  #baseReferences: Any[] = [];
  readonly #tape: Tape;

  constructor(tape: Tape) {
    this.#tape = tape;
  }

  /** Called once Python runs; `image` is memory as every interpreter of its kind begins with it. */
  begin(python: Any, image: Uint8Array): void {
    this.#python = python;
    this.#memory = new KeptMemory(image);
    this.#baseReferences = this.#references();
    this.rebase();
  }

  /** Takes the files as they are for what every interpreter with these packages begins with. */
  rebase(): void {
    this.#base = keepTree(this.#python.FS, undefined);
    this.#sentVersion = -1;
  }

  /** Keeps the state before a step; the bytes follow `About`. */
  keep(step: number, pending: boolean): { about: About; raw: Uint8Array } | null {
    const python = this.#python;
    const heap: Uint8Array = python._module.HEAPU8;
    if (!this.#memory) return null;
    const why = this.#whyNot(pending);
    if (why) {
      this.#steps = this.#steps.filter((kept) => kept.step !== step);
      return { about: this.#about(step, why), raw: new Uint8Array(0) };
    }
    this.#forget(step);
    const pages = this.#memory.keep(step, heap);
    const last = this.#steps.at(-1);
    const kept = keepTree(python.FS, last?.tree);
    if (last) last.held = heldBytes(last.tree, kept);
    this.#steps.push({
      step,
      tree: kept,
      held: 0,
      packages: tree.packages,
      libraries: this.#libraries().length,
      finalizers: this.#finalizers.count,
      mark: this.#tape.mark(),
    });
    let held = this.#steps.reduce((sum, one) => sum + one.held, 0);
    while (
      this.#steps.length > MOST_KEPT || held > MOST_HELD ||
      !this.#memory.has(this.#steps[0].step)
    ) {
      held -= this.#steps.shift()!.held;
    }
    const about = this.#about(step, "");
    about.pages = pages.numbers.length;
    const parts = [new Uint8Array(pages.numbers.buffer), pages.bytes];
    if (kept.version !== this.#sentVersion) {
      const told = describeTree(python.FS, kept, this.#base!, this.#sent);
      about.entries = told.entries;
      about.gone = told.gone;
      for (const [blob, bytes] of told.blobs) {
        about.blobs.push([blob, bytes.length]);
        parts.push(bytes);
      }
      this.#sentVersion = kept.version;
    }
    const own = new Set(this.#base!.open.map(({ stream }) => stream));
    for (const { fd, stream, position, flags } of kept.open) {
      if (!own.has(stream)) about.open.push({ fd, path: stream.path ?? "", flags, position });
    }
    return { about, raw: join(parts) };
  }

  /** Brings the state before a step back, in place; returns why not when it cannot. */
  bringBack(step: number): string {
    const kept = this.#steps.findLast((kept) => kept.step === step);
    if (!kept || !this.#memory?.has(step)) return "this process did not keep that state";
    if (kept.libraries !== this.#libraries().length) return "a compiled package was loaded since";
    if (kept.packages !== tree.packages) return "a package was installed since";
    this.#timers.stopAll();
    this.#finalizers.forgetSince(kept.finalizers);
    this.#memory.bringBack(step, this.#python._module.HEAPU8);
    bringTreeBack(this.#python.FS, kept.tree);
    this.#tape.wind(kept.mark);
    while (this.#steps.at(-1) !== kept) this.#steps.pop();
    return "";
  }

  /** Takes over a state that another process described; returns why not when it cannot. */
  adopt(about: About, raw: Uint8Array): string {
    const python = this.#python;
    const module = python._module;
    if (!this.#memory) return "this process was not started from a snapshot";
    const have = this.#libraries();
    if (have.join() !== about.libraries.join()) return "other compiled packages are loaded";
    if (module.wasmTable.length !== about.table || this.#addresses() !== about.addresses) {
      return "its libraries lie elsewhere";
    }
    if (module.HEAPU8.length < about.memory) module.growMemory(about.memory);
    if (module.HEAPU8.length < about.memory) return "there is not enough memory";
    const strings = this.#strings();
    if (about.strings.slice(0, strings.length).join() !== strings.join()) {
      return "its strings have other numbers";
    }
    for (const text of about.strings.slice(strings.length)) module.__hiwire_immortal_add(text);
    for (let index = this.#references().length; index < about.references; index++) {
      module.__hiwire_set(index, null);
    }
    const numbers = new Uint32Array(raw.slice(0, 4 * about.pages).buffer);
    let at = 4 * about.pages;
    const bytes = raw.subarray(at, at += about.pages * PAGE);
    const blobs = new Map<number, Uint8Array>();
    for (const [blob, size] of about.blobs) blobs.set(blob, raw.slice(at, at += size));
    // What the code may not open now it could once.
    const { ignorePermissions } = python.FS;
    python.FS.ignorePermissions = true;
    try {
      makeTree(python.FS, about.entries ?? [], about.gone, blobs);
      this.#memory.adopt(about.step, { numbers, bytes }, module.HEAPU8);
      if (python.FS.analyzePath(about.current).exists) python.FS.currentPath = about.current;
      reopen(python.FS, about.open);
    } finally {
      python.FS.ignorePermissions = ignorePermissions;
    }
    if (about.mark.length) this.#tape.wind(about.mark);
    this.#steps = [];
    this.#sent = { next: 1, blobs: new Map() };
    this.#sentVersion = -1;
    return "";
  }

  #forget(step: number): void {
    while (this.#steps.length && this.#steps.at(-1)!.step > step) this.#steps.pop();
  }

  #whyNot(pending: boolean): string {
    if (this.#python._module.HEAPU8.length > MOST_MEMORY) return "the memory is too large";
    if (this.#timers.size > 0 || pending) return "tasks are pending";
    if (this.#python.FS.streams.some((stream: Any) => stream?.node.pipe)) return "a pipe is open";
    const now = this.#references();
    for (let index = 0; index < now.length; index++) {
      const was = this.#baseReferences[index];
      if (now[index] !== was && now[index] !== null && now[index] !== undefined) {
        return "objects of JavaScript are held";
      }
    }
    return "";
  }

  #about(step: number, why: string): About {
    const { wasmTable, HEAPU8 } = this.#python._module;
    return {
      step,
      why,
      memory: HEAPU8.length,
      pages: 0,
      libraries: this.#libraries(),
      table: wasmTable.length,
      addresses: this.#addresses(),
      strings: this.#strings(),
      references: this.#references().length,
      entries: null,
      gone: [],
      blobs: [],
      current: this.#python.FS.cwd(),
      open: [],
      mark: this.#tape.mark(),
    };
  }

  #libraries(): string[] {
    return Object.keys(this.#python._module.LDSO.loadedLibsByName);
  }

  #addresses(): string {
    const { loadedLibsByName } = this.#python._module.LDSO;
    return Object.entries(loadedLibsByName).map(([name, library]: [string, Any]) => {
      if (name === "__main__") return "";
      let sum = 0;
      for (const value of Object.values(library.exports)) {
        if (typeof value === "number") sum = (Math.imul(sum, 31) + value) | 0;
      }
      return `${name}:${sum}`;
    }).join();
  }

  #references(): Any[] {
    return untilThrown((index) => this.#python._module.__hiwire_get(index), 0);
  }

  #strings(): string[] {
    return untilThrown(
      (index) => this.#python._module.__hiwire_immortal_get(index),
      FIRST_IMMORTAL,
    );
  }
}

function untilThrown<T>(get: (index: number) => T, first: number): T[] {
  const found: T[] = [];
  for (let index = first;; index++) {
    try {
      found.push(get(index));
    } catch {
      return found;
    }
  }
}

function reopen(FS: Any, open: About["open"]): void {
  for (const { fd, path, flags, position } of open) {
    try {
      // Not once more: made, emptied or refused because it is there.
      const stream = FS.open(path, flags & ~(0o100 | 0o200 | 0o1000));
      FS.streams[stream.fd] = null;
      FS.streams[fd] = stream;
      stream.fd = fd;
      stream.position = position;
    } catch {
      // Python gets an OSError at the next use of this file.
    }
  }
}

function join(parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
