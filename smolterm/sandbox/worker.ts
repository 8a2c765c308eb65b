// The isolate without permissions that runs Pyodide. From the first cell on, whatever it sends
// must be treated as the user's code itself: the broker and the host check everything.

import { scrubGlobals } from "./scrub.ts";
import { type Driver, startPython } from "./boot.ts";
import { fetchStaged, fill, settle, stagedChanges } from "./changes.ts";
import { ask, connect, printed, send } from "./channel.ts";
import { type Tape, virtualise } from "./clock.ts";
import { limitDisk } from "./disk.ts";
import { mountStaged, remount } from "./files.ts";
import { admit } from "./guard.ts";
import { Lines } from "./lines.ts";
import { inCell } from "./staged.ts";
import { type About, States } from "./state.ts";
import { type Boot, SLICE, type ToWorker } from "./shared.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

/** Milliseconds without a cell after which the state is kept for the next one. */
const KEEP_AFTER = 25;
/** Before the first cell, which somebody may be about to send. */
const KEEP_FIRST_AFTER = 1000;
/** Operations after which the state need not be kept anew. */
const LEAVES_STATE = new Set(["rewind", "adopt", "keep", "changes", "fetch", "complete", "rows"]);
const ENOSPC = 51;
/** Where packages lie while they are unpacked; the prelude knows it too. */
const WHEELS = "/tmp/.wheels";

const { setTimeout: later, clearTimeout: never, setInterval: each, clearInterval: stop } =
  globalThis;

let python: Any;
let driver: Driver;
let interrupt: Uint8Array;
let lines: Lines;
let makeRoom: (packed: number) => void = () => {};
let tape: Tape;
let states: States | null = null;
let keeping: ReturnType<typeof later> | undefined;
/** The step that the next kept state stands before. */
let next = 1;
let keptAlready = false;
let running = false;

async function boot(message: Boot): Promise<void> {
  interrupt = connect(message.memory);
  lines = new Lines(message.memory.interrupt);
  const { options } = message;
  tape = virtualise(options);
  if (options.checkpoints && message.snapshot) states = new States(tape);
  const started = await startPython(message, interrupt, (packed) => makeRoom(packed), lines);
  if ("snapshot" in started) {
    const { snapshot } = started;
    send({ t: "ready", version: String(started.python.version) });
    send({ t: "kept", about: "{}", raw: snapshot }, [snapshot.buffer]);
    return;
  }
  ({ python, driver } = started);
  makeRoom = limitDisk(python, options.diskBytes);
  python.FS.mkdirTree("/out");
  scrubGlobals();
  globalThis.addEventListener?.("unhandledrejection", (event: Any) => event.preventDefault());
  if (states && started.image) states.begin(python, started.image);
  send({ t: "ready", version: String(python.version) });
  keepLater();
}

/** Keeps the state when nothing else is to be done, so that no cell waits for it. */
function keepLater(): void {
  keptAlready = false;
  never(keeping);
  keeping = later(keep, next === 1 ? KEEP_FIRST_AFTER : KEEP_AFTER);
}

/** Between cells, what a cell left behind can be interrupted; our own work cannot. */
function interruptible(on: boolean): void {
  python.setInterruptBuffer(on ? interrupt : undefined);
}

function keep(): void {
  interruptible(false);
  const pending = driver.rest();
  interruptible(true);
  if (!states || keptAlready) return;
  const kept = states.keep(next, pending);
  if (!kept) return;
  keptAlready = true;
  send({ t: "kept", about: JSON.stringify(kept.about), raw: kept.raw }, [kept.raw.buffer]);
}

function interruptTasks(): void {
  if (interrupt[0] === 0) return;
  interrupt[0] = 0;
  driver.cancelTasks();
}

async function cell(request: string, number: number, recorded: Uint8Array | null): Promise<void> {
  if (running) return;
  running = true;
  interruptible(false);
  send({ t: "began", printed: printed() });
  never(keeping);
  tape.begin(recorded);
  lines.follow(request);
  inCell(true);
  // While Python awaits, nothing of it runs that would see the interrupt byte; this timer does.
  const watch = each(interruptTasks, SLICE);
  try {
    const payload = await driver.runCell.callPromising(request);
    send({ t: "done", payload: String(payload).toWellFormed(), tape: tape.end() });
  } catch (failure) {
    // The driver catches whatever Python raises: this interpreter is over.
    send({ t: "failed", why: String(failure).trim().split("\n").pop() ?? "" });
  } finally {
    stop(watch);
    inCell(false);
    running = false;
    interruptible(true);
  }
  next = number + 1;
  keepLater();
}

/** What the host asks for between two cells. */
const operations: Record<string, (args: Any, raw: Uint8Array) => Any> = {
  put({ path, append }, raw) {
    const folder = path.slice(0, path.lastIndexOf("/"));
    if (folder) python.FS.mkdirTree(folder);
    python.FS.writeFile(path, raw, { flags: append ? "a" : "w" });
  },
  install(args, raw) {
    const { native, ...rest } = args;
    admit(native);
    makeRoom(raw.length);
    python.FS.writeFile(WHEELS, raw);
    const done = JSON.parse(String(driver.doNamed("install", JSON.stringify(rest))));
    // Every interpreter with these packages begins so; later, there are files of the code too.
    if (next === 1) states?.rebase();
    return done;
  },
  keep({ step }) {
    next = step;
    keptAlready = false;
    keep();
  },
  rewind({ step }) {
    never(keeping);
    const why = states ? states.bringBack(step) : "no states are kept";
    if (!why) {
      next = step;
      keptAlready = true;
      remount(python);
    }
    return { why };
  },
  adopt({ about }: { about: About }, raw) {
    never(keeping);
    const why = states ? states.adopt(about, raw) : "no states are kept";
    next = about.step;
    if (!why) {
      remount(python);
      keepLater();
    }
    return { why };
  },
  mount({ mounts }) {
    mountStaged(python, ask, mounts);
  },
  changes: () => stagedChanges(python),
  fetch: ({ path, offset, length }) => ({ raw: fetchStaged(python, path, offset, length) }),
  settle({ settled }) {
    settle(python, settled);
  },
  fill({ path }, raw) {
    fill(python, path, raw);
  },
};

function reason(failure: Any): string {
  if (failure?.errno === ENOSPC) return "no space left";
  if (failure?.errno !== undefined) return `errno ${failure.errno}`;
  return String(failure).trim().split("\n").pop() ?? "";
}

function perform(id: number, name: string, args: string, raw: Uint8Array): void {
  if (running) return;
  interruptible(false);
  send({ t: "began", printed: printed() });
  let result: Any = {};
  let bytes: Uint8Array | undefined;
  try {
    if (Object.hasOwn(operations, name)) {
      result = operations[name](JSON.parse(args), raw) ?? {};
      if (result.raw) {
        bytes = result.raw;
        delete result.raw;
      }
    } else result = JSON.parse(String(driver.doNamed(name, args)));
  } catch (failure) {
    result = { error: reason(failure) };
  }
  interruptible(true);
  send({ t: "did", id, result: JSON.stringify(result), raw: bytes });
  if (!LEAVES_STATE.has(name)) keepLater();
}

// A listener cannot be reached by anybody who finds the global object.
globalThis.addEventListener("message", async (event: MessageEvent) => {
  const message = event.data as ToWorker;
  if (message.op === "boot") {
    try {
      await boot(message);
    } catch (failure) {
      send({ t: "failed", why: String((failure as Any)?.stack ?? failure).slice(-2000) });
    }
  } else if (message.op === "cell") {
    await cell(message.request, message.number, message.tape);
  } else if (message.op === "interrupt") interruptTasks();
  else if (message.op === "do") {
    perform(message.id, message.name, message.args, message.raw ?? new Uint8Array(0));
  }
});
