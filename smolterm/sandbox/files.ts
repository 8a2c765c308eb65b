// Staged files: Emscripten's operations on files and folders, where a node stands for the host's.
//
// Folders are listed and files read when they are first needed; writes stay here.

import { tree } from "./disk.ts";
import {
  baseOf,
  blank,
  childOf,
  connectStaged,
  deep,
  EMPTY,
  type Entry,
  fail,
  holdStill,
  type Host,
  isReachable,
  list,
  look,
  make,
  mounts,
  readRange,
  refresh,
  remember,
  shrink,
  soil,
  unstage,
} from "./staged.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

export type Mounted = Entry & { at: string; writable: boolean };

const offers = new Map<string, Mounted>();

/** Mounts what the host offers; may be called again for more. `limitDisk` comes first. */
export function mountStaged(python: Any, host: Host, offered: Mounted[]): void {
  if (connectStaged(python.FS, host)) wrap(python);
  for (const mounted of offered) {
    place(python.FS, mounted);
    mounts.add(mounted.at);
    offers.set(mounted.at, mounted);
  }
  tree.version++;
}

/** Mounts again what a state that was brought back does not know of. */
export function remount(python: Any): void {
  for (const mounted of offers.values()) place(python.FS, mounted);
}

function place(FS: Any, mounted: Mounted): void {
  const { at, kind } = mounted;
  const cut = at.lastIndexOf("/");
  const [holder, name] = [at.slice(0, cut), at.slice(cut + 1)];
  if (holder) FS.mkdirTree(holder);
  const parent = FS.lookupPath(holder || "/").node;
  if (!parent.staged) {
    parent.staged = { ...blank({ ...mounted, kind: "dir" }), origin: holder, holder: true };
  }
  const there = childOf(parent, name);
  if (!there) {
    if (!parent.staged.gone["/" + name]) make(parent, { ...mounted, name });
  } else if (there.staged === undefined) {
    if (kind !== "dir" || !FS.isDir(there.mode)) throw fail("EEXIST");
    there.staged = { ...blank(mounted), origin: at };
  }
}

function wrap(python: Any): void {
  const { FS } = python;
  const { MEMFS } = FS.filesystems;
  const { file, dir } = MEMFS.ops_table;
  const lazy = (node: Any): boolean => node.staged?.lazy === true;
  const own = { ...file.node, ...file.stream };
  const copy = (node: Any, version: string | undefined, most: number) => {
    const { staged } = node;
    if (staged.kind === "other") throw fail("EACCES");
    if (most > 0) version ??= refresh(node);
    const size = Math.min(most, staged.size);
    try {
      // This is where the quota is asked.
      own.setattr(node, { size });
      const { contents } = node;
      const done = size && readRange(staged, version!, 0, size, (b, at) => contents.set(b, at));
      if (done !== size) throw fail("ESTALE");
    } catch (error) {
      node.contents = EMPTY;
      node.usedBytes = 0;
      throw error;
    }
    if (version) staged.version = version;
    staged.lazy = false;
    soil(node.parent);
  };
  const touch = (node: Any) => {
    if (!node.staged) return;
    node.staged.touched = true;
    soil(node.parent);
  };
  const lookupNode = FS.lookupNode;
  FS.lookupNode = (parent: Any, name: string) => {
    if (parent.staged && FS.isDir(parent.mode)) look(parent, name);
    return lookupNode(parent, name);
  };

  file.node.getattr = (node: Any) => {
    const attributes = own.getattr(node);
    if (lazy(node)) {
      attributes.size = node.staged.size;
      attributes.blocks = Math.ceil(attributes.size / attributes.blksize);
    }
    return attributes;
  };
  file.node.setattr = (node: Any, attributes: Any) => {
    if (attributes.size !== undefined && lazy(node)) copy(node, undefined, attributes.size);
    touch(node);
    return own.setattr(node, attributes);
  };
  file.stream.open = (stream: Any) => {
    // Between cells a file is only opened to be as it was: it reads the version it had.
    if (!lazy(stream.node) || !isReachable()) {
      stream.version = stream.node.staged?.version;
      return;
    }
    try {
      stream.version = refresh(stream.node);
    } catch (error) {
      FS.closeStream(stream.fd);
      throw error;
    }
  };
  file.stream.llseek = (stream: Any, offset: number, whence: number) => {
    if (whence !== 2 || !lazy(stream.node)) return own.llseek(stream, offset, whence);
    if (offset + stream.node.staged.size < 0) throw fail("EINVAL");
    return offset + stream.node.staged.size;
  };
  /** The version that a stream reads: never two of them. */
  const versionOf = (stream: Any): string => {
    const { staged } = stream.node;
    stream.version ??= staged.version;
    if (!staged.lazy && staged.version !== stream.version) throw fail("ESTALE");
    return stream.version;
  };
  file.stream.read = (stream: Any, buffer: Any, at: number, length: number, position: number) => {
    const { node } = stream;
    if (node.staged) versionOf(stream);
    if (!lazy(node)) return own.read(stream, buffer, at, length, position);
    return readRange(node.staged, stream.version, position, length, (bytes, done) => {
      // A signal's handler may have made memory grow while the host was asked.
      const into = buffer.byteLength === 0 ? python._module.HEAP8 : buffer;
      into.set(bytes, at + done);
    });
  };
  file.stream.write = (stream: Any, ...rest: Any[]) => {
    const { node } = stream;
    if (node.staged) {
      const version = versionOf(stream);
      if (lazy(node)) copy(node, version, Infinity);
    }
    return own.write(stream, ...rest);
  };
  // What a mapped file writes back goes another way.
  MEMFS.stream_ops.write = file.stream.write;
  file.stream.mmap = (stream: Any, length: number, position: number, prot: Any, flags: Any) => {
    const { node } = stream;
    if (!lazy(node)) return own.mmap(stream, length, position, prot, flags);
    const version = versionOf(stream);
    const none = { node: { mode: node.mode, contents: EMPTY } };
    const { ptr, allocated } = own.mmap(none, length, position, prot, flags);
    readRange(node.staged, version, position, length, (bytes, done) => {
      python._module.HEAPU8.set(bytes, (ptr >>> 0) + done);
    });
    return { ptr, allocated };
  };

  const inside = { ...dir.node };
  dir.stream.open = (stream: Any) => shrink(stream.node);
  dir.node.readdir = (node: Any) => {
    list(node);
    return inside.readdir(node);
  };
  for (const operation of ["mknod", "symlink"]) {
    dir.node[operation] = (parent: Any, name: string, ...rest: Any[]) => {
      // Emscripten takes any error of its own look-up for leave to create.
      look(parent, name);
      if (childOf(parent, name)) throw fail("EEXIST");
      soil(parent);
      return inside[operation](parent, name, ...rest);
    };
  }
  dir.node.setattr = (node: Any, attributes: Any) => {
    touch(node);
    return inside.setattr(node, attributes);
  };
  dir.node.unlink = (parent: Any, name: string) => {
    const base = baseOf(childOf(parent, name));
    inside.unlink(parent, name);
    remember(parent, name, base);
  };
  dir.node.rmdir = (parent: Any, name: string) => {
    const node = childOf(parent, name);
    holdStill(node);
    list(node);
    const base = baseOf(node);
    inside.rmdir(parent, name);
    remember(parent, name, base);
  };
  dir.node.rename = (node: Any, newDir: Any, newName: string) => {
    const { parent, name } = node;
    look(newDir, newName);
    const target = childOf(newDir, newName);
    holdStill(node);
    if (target) holdStill(target);
    // All of it is listed, so that each file is known under its new path.
    if (FS.isDir(node.mode)) deep(node);
    if (target && FS.isDir(target.mode)) list(target);
    const [base, replaced] = [baseOf(node), target && baseOf(target)];
    inside.rename(node, newDir, newName);
    remember(parent, name, base);
    remember(newDir, newName, replaced);
    if (FS.isDir(node.mode)) unstage(node);
  };
}
