// The staged tree: nodes that stand for the host's files and folders, and what is asked for them.
//
// The nodes are MEMFS's own. What makes one a staged node is plain data in `node.staged`, so that
// it is kept, brought back and described like everything else of a node.

// deno-lint-ignore no-explicit-any
type Any = any;
export type Host = (kind: "file", request: string) => Uint8Array;

/** A file, folder or link as the host tells of it. */
export interface Entry {
  name: string;
  kind: "file" | "dir" | "link" | "other";
  size: number;
  mtime: number;
  mode: number;
  version: string;
  target?: string;
}

/** What the original has in a place, remembered where the sandbox's tree has something else. */
export type Base =
  | { kind: "file" | "link" | "other"; version: string }
  | { kind: "dir"; gone: Record<string, Base> };

export interface Staged {
  /** The path by which the host knows it, wherever it was moved inside. */
  origin: string;
  kind: "file" | "dir" | "link" | "other";
  /** Of the original when it was last looked at, or when it was copied. */
  version: string;
  size: number;
  /** The bytes are at the host. The first write copies them here. */
  lazy: boolean;
  /** Its mode or times were set inside. */
  touched: boolean;
  /** Of a folder: something below it may be other than the original. */
  dirty: boolean;
  /** Stands for no folder of the host: mounts hang in it. */
  holder: boolean;
  /** What was deleted or moved away, by "/" and its name. */
  gone: Record<string, Base>;
}

const BLOCK = 1 << 20;
const CACHE_BYTES = 16 * BLOCK;
/** Of unchanged originals; above it, folders that nobody uses are forgotten and listed anew. */
const MOST_NODES = 100_000;
export const EMPTY = new Uint8Array(0);
const ERRORS: Record<string, number> = {
  EACCES: 2,
  EBUSY: 10,
  EEXIST: 20,
  EINTR: 27,
  EINVAL: 28,
  EIO: 29,
  EISDIR: 31,
  ENAMETOOLONG: 37,
  ENFILE: 41,
  ENOENT: 44,
  ENOTDIR: 54,
  EOVERFLOW: 61,
  ESTALE: 72,
};
const decoder = new TextDecoder();

let FS: Any;
let ask: Host;
/** Where something is mounted. */
export const mounts = new Set<string>();
let reachable = false;
let nodes = 0;
/** What the running cell knows of the originals; the next one asks again. */
const listed = new Set<Any>();
const seen = new Set<Any>();
const missing = new Set<string>();
const blocks = new Map<string, Uint8Array>();
let blockBytes = 0;

export const fail = (name: string) => new FS.ErrnoError(ERRORS[name] ?? ERRORS.EIO);
const below = (dir: Any, name: string): string => `${dir.staged.origin}/${name}`;
export const childOf = (dir: Any, name: string): Any =>
  Object.hasOwn(dir.contents, name) ? dir.contents[name] : undefined;

/** Whether the host can be asked now. */
export const isReachable = (): boolean => reachable;

/** Says where the nodes are made and who is asked; returns whether that is a new tree. */
export function connectStaged(fs: Any, host: Host): boolean {
  ask = host;
  const other = FS !== fs;
  FS = fs;
  return other;
}

/** Called where a cell begins, and where it ends: only in between does the host answer. */
export function inCell(on: boolean): void {
  reachable = on;
  // What a cell asks does not depend on what those before it asked: it may be replayed.
  for (const known of [listed, seen, missing, blocks]) known.clear();
  blockBytes = 0;
}

// --- the host ---

function question(request: Record<string, unknown>): Uint8Array {
  if (!reachable) throw fail("EIO");
  let reply: Uint8Array;
  try {
    reply = ask("file", JSON.stringify(request));
  } catch (error) {
    // Anything else would end the interpreter; an interrupt is sent again.
    throw (error as Any)?.name === "ErrnoError" ? error : fail("EINTR");
  }
  if (reply[0] !== 0) throw fail(decoder.decode(reply.subarray(1)));
  return reply.subarray(1);
}

const inquire = (op: string, path: string): Any =>
  JSON.parse(decoder.decode(question({ op, path })));

/** Looks at a file's original again; returns the version that is there now. */
export function refresh(node: Any): string {
  const { staged } = node;
  const entry = inquire("open", staged.origin);
  if (entry.kind === "other") throw fail("EACCES");
  if (entry.kind !== "file") throw fail("ESTALE");
  describe(node, entry);
  return staged.version;
}

function describe(node: Any, entry: Entry): void {
  const { staged } = node;
  staged.kind = entry.kind;
  staged.size = entry.size;
  staged.version = entry.version;
  if (staged.touched) return;
  node.mode = (node.mode & ~0o7777) | entry.mode;
  node.atime = node.mtime = node.ctime = entry.mtime;
}

/** One block of a file in one version, from the few that are kept. */
function block(staged: Staged, version: string, index: number): Uint8Array {
  const key = `${version} ${index} ${staged.origin}`;
  let bytes = blocks.get(key);
  if (bytes) blocks.delete(key);
  else {
    const { origin: path } = staged;
    bytes = question({ op: "read", path, offset: index * BLOCK, length: BLOCK, version });
    blockBytes += bytes.length;
  }
  blocks.set(key, bytes);
  for (const [oldest, { length }] of blocks) {
    if (blockBytes <= CACHE_BYTES) break;
    blocks.delete(oldest);
    blockBytes -= length;
  }
  return bytes;
}

/** Reads a range block by block; `put` gets each piece and where in the range it begins. */
export function readRange(
  staged: Staged,
  version: string,
  position: number,
  length: number,
  put: (bytes: Uint8Array, at: number) => void,
): number {
  let done = 0;
  while (done < length) {
    const start = (position + done) % BLOCK;
    const bytes = block(staged, version, Math.floor((position + done) / BLOCK))
      .subarray(start, start + length - done);
    if (bytes.length === 0) break;
    put(bytes, done);
    done += bytes.length;
  }
  return done;
}

// --- folders ---

export function blank(entry: Entry): Staged {
  const { kind, version, size } = entry;
  const lazy = kind === "file" || kind === "other";
  return {
    origin: "",
    kind,
    version,
    size,
    lazy,
    touched: false,
    dirty: false,
    holder: false,
    gone: {},
  };
}

export function make(parent: Any, entry: Entry): Any {
  const { atime, mtime, ctime } = parent;
  const type = { file: 0o100000, other: 0o100000, dir: 0o040000, link: 0o120000 }[entry.kind];
  const node = FS.filesystems.MEMFS.createNode(parent, entry.name, type | entry.mode, 0);
  Object.assign(parent, { atime, mtime, ctime });
  node.staged = { ...blank(entry), origin: below(parent, entry.name) };
  if (entry.kind === "link") node.link = entry.target;
  node.atime = node.mtime = node.ctime = entry.mtime;
  nodes++;
  return node;
}

function drop(node: Any): void {
  FS.hashRemoveNode(node);
  delete node.parent.contents[node.name];
  nodes--;
  if (FS.isDir(node.mode)) { for (const name in node.contents) drop(node.contents[name]); }
}

/** Whether a node stands for the original that has its place. */
export function inPlace(node: Any): boolean {
  const { staged, parent, name } = node;
  return staged !== undefined && parent.staged !== undefined &&
    staged.origin === below(parent, name) &&
    parent.staged.gone["/" + name] === undefined;
}

/**
 * Whether a node, and all below it, is as the original: it can be forgotten and listed anew.
 * `held` are nodes that count as changed, with all that they lie in.
 */
export function pristine(node: Any, held?: Set<Any>): boolean {
  const { staged } = node;
  if (held?.has(node) || !inPlace(node) || staged.touched || staged.holder) return false;
  if (!FS.isDir(node.mode)) return staged.lazy || staged.kind === "link";
  if (!staged.dirty) return true;
  for (const _ in staged.gone) return false;
  for (const name in node.contents) if (!pristine(node.contents[name], held)) return false;
  return true;
}

/** Notes that something in a folder is changed here. */
export function soil(dir: Any): void {
  for (let at = dir; at.staged && !at.staged.dirty; at = at.parent) at.staged.dirty = true;
}

const known = (dir: Any): boolean =>
  !dir.staged || dir.staged.holder || listed.has(dir) || !reachable;

/** Looks for one name in a folder of the host, unless this cell knows it. */
export function look(dir: Any, name: string): void {
  if (known(dir) || missing.has(below(dir, name))) return;
  const there = childOf(dir, name);
  if (there && seen.has(there)) return;
  if (dir.staged.gone["/" + name] && !(there && FS.isDir(there.mode))) return;
  if (nodes > 4 * MOST_NODES) throw fail("ENFILE");
  let entry: Entry | undefined;
  try {
    entry = inquire("stat", below(dir, name));
  } catch (error) {
    if (!isGone(error)) throw error;
    missing.add(below(dir, name));
  }
  merge(dir, name, entry);
}

/** Lists a folder of the host, unless this cell did. */
export function list(dir: Any): void {
  if (known(dir)) return;
  if (nodes > 4 * MOST_NODES) throw fail("ENFILE");
  let entries: Entry[] = [];
  try {
    entries = inquire("list", dir.staged.origin);
  } catch (error) {
    // A folder that is gone outside still has what was made in it here.
    if (!isGone(error) || Object.keys(dir.contents).length === 0) throw error;
  }
  const names = new Set<string>();
  for (const entry of entries) {
    names.add(entry.name);
    merge(dir, entry.name, entry);
  }
  for (const name of Object.keys(dir.contents)) if (!names.has(name)) merge(dir, name, undefined);
  listed.add(dir);
}

function isGone(error: Any): boolean {
  return error.errno === ERRORS.ENOENT || error.errno === ERRORS.ENOTDIR;
}

/** Takes over what the host has under a name, where nothing was changed here. */
function merge(dir: Any, name: string, entry: Entry | undefined): void {
  const base = dir.staged.gone["/" + name];
  const there = childOf(dir, name);
  if (there) seen.add(there);
  if (entry?.kind === "dir" && there && FS.isDir(there.mode) && !there.staged) {
    // Made here, where a folder is there too: they are one.
    stage(dir, there, base);
  } else if (base || (there && !pristine(there))) return;
  else if (
    entry && there?.staged.kind === entry.kind && there.link === (entry.target || undefined)
  ) {
    if (entry.kind !== "dir") describe(there, entry);
  } else {
    if (there) drop(there);
    if (entry) seen.add(make(dir, { ...entry, name }));
  }
}

export function deep(dir: Any): void {
  list(dir);
  for (const name in dir.contents) {
    if (FS.isDir(dir.contents[name].mode)) deep(dir.contents[name]);
  }
}

/** Forgets what nobody uses; only called where no operation holds a node but this one. */
export function shrink(used: Any): void {
  if (nodes <= MOST_NODES || !used.staged) return;
  const kept = new Set<Any>();
  const keep = (node: Any) => {
    for (; !kept.has(node); node = node.parent) kept.add(node);
  };
  const at = (path: string): Any => FS.analyzePath(path).object;
  for (const node of [used, at(FS.cwd())]) if (node) keep(node);
  for (const stream of FS.streams) if (stream?.node) keep(stream.node);
  nodes = 0;
  const visit = (dir: Any) => {
    const all = kept.has(dir) ? [] : Object.values(dir.contents);
    if (all.length && pristine(dir)) {
      all.forEach(drop);
      listed.delete(dir);
    }
    for (const name in dir.contents) {
      nodes++;
      if (FS.isDir(dir.contents[name].mode)) visit(dir.contents[name]);
    }
  };
  for (const path of mounts) {
    const node = at(path);
    if (node && FS.isDir(node.mode)) visit(node);
  }
}

/** What the original has in the place of a node, for the time when the node is not there. */
export function baseOf(node: Any): Base | undefined {
  if (!inPlace(node)) return undefined;
  const { kind, version } = node.staged;
  if (!FS.isDir(node.mode)) return { kind, version };
  const gone = { ...node.staged.gone };
  for (const name in node.contents) {
    const base = baseOf(node.contents[name]);
    if (base) gone["/" + name] = base;
  }
  return { kind: "dir", gone };
}

export function remember(dir: Any, name: string, base: Base | undefined): void {
  soil(dir);
  if (base && dir.staged) dir.staged.gone["/" + name] ??= base;
}

/** A folder that was made here stands for an original from now on; what it lacks is deleted. */
export function stage(dir: Any, node: Any, base: Base | undefined): void {
  const entry = { name: node.name, kind: "dir" as const, size: 0, mtime: 0, mode: 0, version: "" };
  node.staged = { ...blank(entry), origin: below(dir, node.name), dirty: true };
  if (base?.kind === "dir") node.staged.gone = base.gone;
  delete dir.staged.gone["/" + node.name];
}

/** A folder that was moved away stands for no original any more; its files are still unread. */
export function unstage(dir: Any): void {
  delete dir.staged;
  for (const name in dir.contents) {
    if (FS.isDir(dir.contents[name].mode)) unstage(dir.contents[name]);
  }
}

/** A mount, or what holds one, stays where it is. */
export function holdStill(node: Any): void {
  if (!FS.isDir(node.mode)) return;
  const path = FS.getPath(node);
  for (const at of mounts.keys()) if ((at + "/").startsWith(path + "/")) throw fail("EBUSY");
}
