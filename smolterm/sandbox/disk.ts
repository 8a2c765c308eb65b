// Files in memory: a quota on them, which no limit of WebAssembly counts, and what makes keeping
// and bringing back a tree of them cheap.

// deno-lint-ignore no-explicit-any
type Any = any;

const ENOSPC = 51;
const ENXIO = 60;
const MOST_FILES = 100_000;
/** Bytes that a character of a name may take. */
const WIDE = 2;
/** How many times its own size a package may take, unpacked and compiled. */
const UNPACKED = 8;
/** Names of hosts, to each of which Emscripten gives an address; of nothing, here. */
const MOST_HOSTS = 200;
const LONGEST_HOST = 255;
/** For the names that a sandbox without a disk makes by itself. */
const OWN_NAMES = 4096;

/** Counts every change of the tree, so that an unchanged one is not looked through again. */
export const tree = {
  version: 0,
  /** Packages that were unpacked into it: what the host has, no state holds. */
  packages: 0,
};

/** Wraps what writes to files; returns what makes room for packages, which count for themselves. */
export function limitDisk(python: Any, most: number): (packed: number) => void {
  const { FS, _module: { PIPEFS } } = python;
  const { MEMFS } = FS.filesystems;
  const { file, dir, link, chrdev } = MEMFS.ops_table;
  // Upper bounds: what is deleted is only taken off when they are reached and all is counted.
  let { bytes: used, files: made } = count(FS, PIPEFS);
  let quota = used + OWN_NAMES + most;
  const room = (bytes: number, files: number): void => {
    const full = () => used + bytes > quota || made + files > MOST_FILES;
    if (full()) ({ bytes: used, files: made } = count(FS, PIPEFS));
    if (full()) throw new FS.ErrnoError(ENOSPC);
  };
  const size = (node: Any): number => node.contents?.length ?? 0;
  const growing = <T>(node: Any, to: number, grow: () => T): T => {
    const before = size(node);
    if (to > before) room(to - before, 0);
    tree.version++;
    // A kept state refers to these bytes: they are left to it.
    if (node.kept !== undefined && node.kept === node.contents) {
      node.contents = node.contents.slice();
      node.kept = undefined;
    }
    const result = grow();
    // Room is made for more than was asked, so what it came to is what counts.
    used += Math.max(0, size(node) - before);
    return result;
  };
  const { write, allocate } = file.stream;
  file.stream.write = function (
    stream: Any,
    buffer: Any,
    at: number,
    n: number,
    to: number,
    own: Any,
  ) {
    return growing(stream.node, to + n, () => write.call(this, stream, buffer, at, n, to, own));
  };
  // What a mapped file writes back goes another way.
  MEMFS.stream_ops.write = file.stream.write;
  if (allocate) {
    file.stream.allocate = function (stream: Any, offset: number, n: number) {
      return growing(stream.node, offset + n, () => allocate.call(this, stream, offset, n));
    };
  }
  const { setattr } = file.node;
  file.node.setattr = function (node: Any, attributes: Any) {
    return growing(node, attributes.size ?? 0, () => setattr.call(this, node, attributes));
  };
  // Empty files cost memory too, and so do names.
  const { mknod, symlink, rename } = dir.node;
  const making = <T>(texts: string, files: number, make: () => T): T => {
    const bytes = WIDE * texts.length;
    room(bytes, files);
    const result = make();
    tree.version++;
    used += bytes;
    made += files;
    return result;
  };
  dir.node.mknod = (parent: Any, name: string, ...rest: Any[]) =>
    making(name, 1, () => mknod(parent, name, ...rest));
  dir.node.symlink = (parent: Any, name: string, target: string) =>
    making(name + target, 1, () => symlink(parent, name, target));
  dir.node.rename = (node: Any, to: Any, name: string) =>
    making(name, 0, () => rename(node, to, name));
  for (
    const [{ node }, name] of [
      [dir, "unlink"],
      [dir, "rmdir"],
      [dir, "setattr"],
      [link, "setattr"],
      [chrdev, "setattr"],
    ]
  ) {
    const operation = node[name];
    node[name] = function (...parts: Any[]) {
      tree.version++;
      return operation.apply(this, parts);
    };
  }
  limitPipes(PIPEFS, room, (bytes) => used += bytes);
  limitRest(python);
  return (packed) => {
    tree.packages++;
    quota += packed * UNPACKED;
  };
}

/** What all files take now, and what pipes hold. What stands for the host's files is not counted. */
function count(FS: Any, PIPEFS: Any): { bytes: number; files: number } {
  const open = FS.streams.filter(Boolean).map((stream: Any) => stream.node);
  const nodes = new Set<Any>(open);
  const pipes = new Set<Any>();
  const folders = [FS.root];
  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    nodes.add(folder);
    for (const name in folder.contents) {
      const node = folder.contents[name];
      if (FS.isDir(node.mode)) folders.push(node);
      else nodes.add(node);
    }
  }
  let [bytes, files] = [0, 0];
  for (const node of nodes) {
    if (ArrayBuffer.isView(node.contents)) bytes += node.contents.byteLength;
    if (node.pipe) pipes.add(node.pipe);
    if (node.staged) continue;
    bytes += WIDE * (node.name.length + (node.link?.length ?? 0));
    files++;
  }
  for (const { buckets } of pipes) bytes += (buckets?.length ?? 0) * PIPEFS.BUCKET_BUFFER_SIZE;
  return { bytes, files };
}

/** What is written to a pipe lies in memory until it is read: it counts like a file. */
function limitPipes(
  PIPEFS: Any,
  room: (bytes: number, files: number) => void,
  take: (bytes: number) => void,
): void {
  const bucket = PIPEFS.BUCKET_BUFFER_SIZE;
  const { createPipe, stream_ops } = PIPEFS;
  PIPEFS.createPipe = () => {
    room(bucket, 0);
    const made = createPipe();
    take(bucket);
    return made;
  };
  const { write } = stream_ops;
  stream_ops.write = (stream: Any, buffer: Any, at: number, n: number, to: number) => {
    room(n + bucket, 0);
    const { pipe } = stream.node;
    const before = pipe.buckets.length;
    const written = write(stream, buffer, at, n, to);
    take((pipe.buckets.length - before) * bucket);
    return written;
  };
}

/** What else grows outside of WebAssembly's memory without being a file. */
function limitRest(python: Any): void {
  const { FS, _module: { PIPEFS, SOCKFS, DNS } } = python;
  // The table of names would hold pipes and sockets for ever; nobody looks for them there.
  const { createNode } = FS;
  FS.createNode = (parent: Any, ...rest: Any[]) => {
    const node = createNode(parent, ...rest);
    if (parent === PIPEFS.root || parent === SOCKFS.root) FS.hashRemoveNode(node);
    return node;
  };
  // A terminal collects what is written until its line ends. There is none, nor unknown devices.
  const none = {
    open(stream: Any) {
      FS.closeStream(stream.fd);
      throw new FS.ErrnoError(ENXIO);
    },
  };
  for (const major of [5, 6]) delete FS.devices[FS.makedev(major, 0)];
  FS.getDevice = (device: number) => FS.devices[device] ?? { stream_ops: none };
  const { lookup_name } = DNS;
  DNS.lookup_name = (name: string) => {
    if (DNS.address_map.id > MOST_HOSTS) DNS.address_map = { id: 1, addrs: {}, names: {} };
    return lookup_name(name.slice(0, LONGEST_HOST));
  };
}
