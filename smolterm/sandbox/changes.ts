// What the sandbox's tree has that the originals have not: listed for the host between cells, and
// taken for the originals once the host has written it. Nothing here asks the host.

import { tree } from "./disk.ts";
import {
  type Base,
  blank,
  childOf,
  EMPTY,
  inPlace,
  mounts,
  pristine,
  soil,
  stage,
} from "./staged.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

export interface Changed {
  path: string;
  kind: "created" | "changed" | "deleted" | "folder";
  mode?: number;
  /** The version of the original that stood in its place. */
  base?: string;
  /** The bytes are still those of an original, in this version. */
  origin?: string;
  version?: string;
  /** Where a link leads. */
  link?: string;
}

/** Lists what is not as the originals are, and what is in `/out`. Asks the host nothing. */
export function stagedChanges(python: Any): { changes: Changed[] } {
  const { FS } = python;
  const found: Changed[] = [];
  for (const at of mounts.keys()) {
    const cut = at.lastIndexOf("/");
    const holder = FS.analyzePath(at.slice(0, cut) || "/").object;
    if (holder?.staged) compare(FS, found, holder, at.slice(cut + 1), at, undefined);
  }
  const out = FS.analyzePath("/out").object;
  if (out && FS.isDir(out.mode)) {
    for (const name in out.contents) compare(FS, found, out, name, `/out/${name}`, undefined);
  }
  return { changes: found };
}

function compare(
  FS: Any,
  found: Changed[],
  dir: Any,
  name: string,
  path: string,
  above: Base | undefined,
): void {
  const node = childOf(dir, name);
  if (node && pristine(node)) return;
  const gone = dir.staged ? dir.staged.gone : above?.kind === "dir" ? above.gone : {};
  const base: Base | undefined = gone["/" + name] ?? (node && baseIn(node));
  if (base && (!node || (base.kind === "dir") !== FS.isDir(node.mode))) deleted(found, path, base);
  if (!node) return;
  if (FS.isDir(node.mode)) {
    if (!base) found.push({ path, kind: "folder" });
    const names = new Set(Object.keys(node.contents));
    const before = node.staged?.gone ?? (base?.kind === "dir" ? base.gone : {});
    for (const key in before) names.add(key.slice(1));
    for (const inner of names) compare(FS, found, node, inner, `${path}/${inner}`, base);
    return;
  }
  const unread = node.staged?.lazy === true;
  if (inPlace(node) && (unread || FS.isLink(node.mode))) return;
  const change: Changed = { path, kind: "created", mode: node.mode & 0o777 };
  if (base && base.kind !== "dir") Object.assign(change, { kind: "changed", base: base.version });
  if (FS.isLink(node.mode)) change.link = node.link;
  else if (unread) {
    Object.assign(change, { origin: node.staged.origin, version: node.staged.version });
  }
  found.push(change);
}

function baseIn(node: Any): Base | undefined {
  if (!inPlace(node)) return undefined;
  const { kind, version } = node.staged;
  return kind === "dir" ? { kind, gone: {} } : { kind, version };
}

function deleted(found: Changed[], path: string, base: Base): void {
  if (base.kind !== "dir") found.push({ path, kind: "deleted", base: base.version });
  else {
    for (const key in base.gone) deleted(found, path + key, base.gone[key]);
    found.push({ path, kind: "deleted" });
  }
}

/** Returns a range of a file's bytes that are in the sandbox. */
export function fetchStaged(python: Any, path: string, offset: number, length: number): Uint8Array {
  const { node } = python.FS.lookupPath(path, { follow: false });
  if (!python.FS.isFile(node.mode) || node.staged?.lazy) {
    throw new Error(`${path} has no bytes here`);
  }
  // What Python wrote lies in an Int8Array.
  const { buffer, byteOffset } = node.contents;
  const bytes = new Uint8Array(buffer, byteOffset, node.usedBytes);
  return bytes.slice(offset, offset + length);
}

/** One original as a commit left it; without a version it is gone. */
export interface Settled {
  path: string;
  version?: string;
  size?: number;
  mtime?: number;
  mode?: number;
  /** All of the sandbox's version was taken, not only some hunks. */
  whole?: boolean;
}

/** Takes what was committed for the originals from now on. */
export function settle(python: Any, settled: Settled[]): void {
  const { FS } = python;
  for (const one of settled) {
    const at = [...mounts].find((at) => one.path === at || one.path.startsWith(at + "/"));
    if (at === undefined) continue;
    const cut = at.lastIndexOf("/");
    const names = one.path.slice(cut + 1).split("/");
    const holder = FS.analyzePath(at.slice(0, cut) || "/").object;
    if (holder?.staged) settleIn(FS, holder, names, one);
  }
  tree.version++;
}

function settleIn(FS: Any, dir: Any, names: string[], one: Settled): void {
  const [name, ...rest] = names;
  const { gone, origin } = dir.staged;
  const node = childOf(dir, name);
  const base: Base | undefined = gone["/" + name];
  if (one.version === undefined) {
    if (rest.length && node?.staged && FS.isDir(node.mode)) settleIn(FS, node, rest, one);
    else forget(gone, names);
    return;
  }
  if (!node) return;
  const kind = FS.isDir(node.mode) ? "dir" : "file";
  if ((rest.length > 0) !== (kind === "dir")) return;
  if (rest.length) {
    if (!inPlace(node)) stage(dir, node, base);
    settleIn(FS, node, rest, one);
    return;
  }
  delete gone["/" + name];
  const { version, size = 0, mtime = 0, mode = 0, whole } = one;
  node.staged = {
    ...blank({ name, kind, size, mtime, mode, version }),
    origin: `${origin}/${name}`,
  };
  if (whole) {
    node.contents = EMPTY;
    node.usedBytes = 0;
    node.mode = (node.mode & ~0o7777) | mode;
    node.atime = node.mtime = node.ctime = mtime;
  } else node.staged.lazy = false;
  soil(dir);
  for (const stream of FS.streams) if (stream?.node === node) stream.version = version;
}

function forget(gone: Record<string, Base>, names: string[]): void {
  const key = "/" + names[0];
  const base = gone[key];
  if (names.length === 1) delete gone[key];
  else if (base?.kind === "dir") forget(base.gone, names.slice(1));
}

/** Gives a file that was moved unread its bytes, before the original that holds them goes. */
export function fill(python: Any, path: string, bytes: Uint8Array): void {
  const { FS } = python;
  const { node } = FS.lookupPath(path, { follow: false });
  const { staged, atime, mtime, ctime } = node;
  if (!staged?.lazy) return;
  delete node.staged;
  try {
    FS.writeFile(path, bytes);
  } catch (error) {
    Object.assign(node, { staged, contents: EMPTY, usedBytes: 0 });
    throw error;
  }
  Object.assign(node, { atime, mtime, ctime });
}
