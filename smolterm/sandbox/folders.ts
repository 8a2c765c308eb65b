// The tree of files kept step by step, by reference: what writes to a file copies it first where a
// kept state refers to its bytes (disk.ts).

import { tree } from "./disk.ts";
import { pristine } from "./staged.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

interface Node {
  mode: number;
  name: string;
  parent: Any;
  contents: Any;
  usedBytes: number | undefined;
  link: string | undefined;
  times: [number, number, number];
  staged: Any;
}

export interface Open {
  fd: number;
  stream: Any;
  position: number;
  flags: number;
}

/** One state of all files. */
export interface Tree {
  version: number;
  nodes: Map<Any, Node>;
  open: Open[];
  /** The current folder. */
  current: string;
}

/** One entry as the host keeps it: enough to make it again in another process. */
export interface Entry {
  path: string;
  mode: number;
  times: [number, number, number];
  /** Of a link. */
  link?: string;
  /** Of a file: the number of its bytes, among those sent so far. */
  blob?: number;
  staged?: Any;
}

/** Which bytes the host has, by the number it knows them by. */
export interface Sent {
  next: number;
  blobs: Map<Uint8Array, number>;
}

/** What packages are unpacked into: the host has it. */
const PACKAGES = new Set(["/lib/python3.14/site-packages", "/usr/lib"]);
/** About what one node takes in a kept tree. */
const NODE_BYTES = 64;

type Pass = (node: Any, path: string) => boolean;
const all: Pass = () => true;

/** Gives each folder before what is in it. */
function* walk(FS: Any, pass: Pass): Generator<[Any, string]> {
  const left: [Any, string][] = [[FS.root, ""]];
  for (let next = left.pop(); next; next = left.pop()) {
    const [node, path] = next;
    yield next;
    if (!FS.isDir(node.mode)) continue;
    for (const name in node.contents) {
      const child = node.contents[name];
      const below = `${path}/${name}`;
      if (pass(child, below)) left.push([child, below]);
    }
  }
}

function chosen(contents: Record<string, Any>, pass: Pass): Record<string, Any> {
  return Object.fromEntries(Object.entries(contents).filter(([, node]) => pass(node, "")));
}

/** Whether a file is still what was kept of it. */
function same(node: Any, was: Node | undefined): was is Node {
  return was !== undefined && was.contents === node.contents && was.usedBytes === node.usedBytes &&
    was.parent === node.parent && was.name === node.name && was.mode === node.mode &&
    was.times[0] === node.atime && was.times[1] === node.mtime && was.times[2] === node.ctime &&
    was.staged === undefined && node.staged === undefined;
}

export function keepTree(FS: Any, last: Tree | undefined): Tree {
  const open: Open[] = [];
  const current = FS.cwd();
  FS.streams.forEach((stream: Any, fd: number) => {
    if (!stream) return;
    const { position, flags } = stream;
    open.push({ fd, stream, position, flags });
  });
  const known = ({ stream: { node } }: Open) => !node.staged || last?.nodes.has(node);
  if (last?.version === tree.version && open.every(known)) return { ...last, open, current };
  // What is as the host has it comes from there again; but an open file holds on to its node.
  const held = new Set<Any>();
  for (const { stream } of open) {
    for (let node = stream.node; node && !held.has(node); node = node.parent) held.add(node);
  }
  const changed: Pass = (node) => !pristine(node, held);
  const nodes = new Map<Any, Node>();
  for (const [node] of walk(FS, changed)) {
    const before = last?.nodes.get(node);
    if (!FS.isDir(node.mode) && same(node, before)) {
      nodes.set(node, before);
      continue;
    }
    if (ArrayBuffer.isView(node.contents)) node.kept = node.contents;
    nodes.set(node, {
      mode: node.mode,
      name: node.name,
      parent: node.parent,
      contents: FS.isDir(node.mode) ? chosen(node.contents, changed) : node.contents,
      usedBytes: node.usedBytes,
      link: node.link,
      times: [node.atime, node.mtime, node.ctime],
      staged: node.staged === undefined ? undefined : structuredClone(node.staged),
    });
  }
  return { version: tree.version, nodes, open, current };
}

/** About what is only held for a kept tree, and no longer for the one after it. */
export function heldBytes(kept: Tree, next: Tree): number {
  if (kept.nodes === next.nodes) return 0;
  let sum = NODE_BYTES * kept.nodes.size;
  for (const [node, { contents }] of kept.nodes) {
    if (ArrayBuffer.isView(contents) && next.nodes.get(node)?.contents !== contents) {
      sum += contents.byteLength;
    }
  }
  return sum;
}

export function bringTreeBack(FS: Any, kept: Tree): void {
  if (kept.version !== tree.version) {
    for (const [node] of walk(FS, all)) {
      if (node !== FS.root) FS.hashRemoveNode(node);
    }
    // Adding one twice would make a ring, and not every name leads to what a folder holds.
    for (const node of kept.nodes.keys()) FS.hashRemoveNode(node);
    for (const [node, was] of kept.nodes) {
      node.mode = was.mode;
      node.name = was.name;
      node.parent = was.parent;
      node.contents = FS.isDir(was.mode) ? { ...was.contents } : was.contents;
      if (was.usedBytes !== undefined) node.usedBytes = was.usedBytes;
      if (was.link !== undefined) node.link = was.link;
      [node.atime, node.mtime, node.ctime] = was.times;
      if (was.staged !== undefined) node.staged = structuredClone(was.staged);
      else delete node.staged;
      if (ArrayBuffer.isView(node.contents)) node.kept = node.contents;
    }
    for (const [node] of walk(FS, all)) {
      if (node !== FS.root) FS.hashAddNode(node);
    }
    kept.version = ++tree.version;
  }
  FS.currentPath = kept.current;
  FS.streams.fill(null);
  for (const { fd, stream, position, flags } of kept.open) {
    FS.streams[fd] = stream;
    Object.assign(stream, { fd, position, flags });
  }
}

/** Lists what is not as it was when the interpreter started, with the bytes not sent before. */
export function describeTree(
  FS: Any,
  kept: Tree,
  base: Tree,
  sent: Sent,
): { entries: Entry[]; gone: string[]; blobs: Map<number, Uint8Array> } {
  const entries: Entry[] = [];
  const blobs = new Map<number, Uint8Array>();
  const used = new Map<Uint8Array, number>();
  const seen = new Set<Any>();
  const told: Pass = (node, path) => kept.nodes.has(node) && !PACKAGES.has(path);
  for (const [node, path] of walk(FS, told)) {
    seen.add(node);
    // Devices are the interpreter's own, and the root is always there.
    const { mode } = node;
    if (node === FS.root || !(FS.isDir(mode) || FS.isFile(mode) || FS.isLink(mode))) continue;
    const was = base.nodes.get(node);
    const same = was && was.mode === node.mode && was.name === node.name &&
      was.parent === node.parent && was.usedBytes === node.usedBytes &&
      (FS.isDir(node.mode) || was.contents === node.contents);
    if (same && node.staged === undefined) continue;
    const now = kept.nodes.get(node)!;
    const entry: Entry = { path, mode: now.mode, times: now.times };
    if (now.staged !== undefined) entry.staged = now.staged;
    if (now.link !== undefined) entry.link = now.link;
    if (ArrayBuffer.isView(now.contents)) {
      let blob = sent.blobs.get(now.contents);
      if (blob === undefined) {
        blob = sent.next++;
        blobs.set(blob, bytesOf(now.contents, now.usedBytes!));
      }
      used.set(now.contents, blob);
      entry.blob = blob;
    }
    entries.push(entry);
  }
  const gone: string[] = [];
  for (const node of base.nodes.keys()) {
    const path = seen.has(node) ? "" : pathIn(base, node);
    if (path && !packed(path)) gone.push(path);
  }
  sent.blobs = used;
  return { entries, gone, blobs };
}

/** A file's contents may be signed: the first write to one keeps the kind of array it got. */
function bytesOf(contents: Any, used: number): Uint8Array {
  return new Uint8Array(contents.buffer, contents.byteOffset, used);
}

function packed(path: string): boolean {
  for (const folder of PACKAGES) if (`${path}/`.startsWith(`${folder}/`)) return true;
  return false;
}

function pathIn(kept: Tree, node: Any): string {
  const names: string[] = [];
  for (let at = node; kept.nodes.has(at) && at.parent !== at;) {
    const { name, parent } = kept.nodes.get(at)!;
    if (parent === at) break;
    names.unshift(name);
    at = parent;
  }
  return "/" + names.join("/");
}

/** Makes the entries of a state that another process described. */
export function makeTree(
  FS: Any,
  entries: Entry[],
  gone: string[],
  blobs: Map<number, Uint8Array>,
): void {
  for (const path of gone.sort().reverse()) {
    try {
      if (FS.isDir(FS.lstat(path).mode)) FS.rmdir(path);
      else FS.unlink(path);
    } catch {
      // It was in that interpreter and is not in this one.
    }
  }
  for (const entry of entries) {
    if (FS.isDir(entry.mode)) FS.mkdirTree(entry.path);
    else if (entry.link !== undefined) FS.symlink(entry.link, entry.path);
    else if (entry.staged?.lazy) {
      if (!FS.analyzePath(entry.path).exists) FS.create(entry.path);
    } else if (entry.blob !== undefined) {
      FS.writeFile(entry.path, blobs.get(entry.blob) ?? new Uint8Array(0));
    }
  }
  for (const entry of entries) {
    const { node } = FS.lookupPath(entry.path, { follow: false });
    node.mode = entry.mode;
    [node.atime, node.mtime, node.ctime] = entry.times;
    if (entry.staged !== undefined) node.staged = entry.staged;
  }
  tree.version++;
}
