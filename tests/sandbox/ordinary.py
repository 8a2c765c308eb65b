# Runs in the sandbox: random things that code does with files, on two trees that must stay alike.

import json
import os
import random
import shutil

OPERATIONS = [
    "write", "append", "truncate", "unlink", "mkdir", "rmdir", "rename", "rename", "rename",
    "replace", "rmtree", "read", "stat", "utime", "listdir", "copy", "copytree", "move", "update",
    "unlink_open", "seek", "resize", "makedirs",
]  # fmt: skip


def tree(root):
    found = {}
    for folder, folders, files in os.walk(root):
        for name in folders:
            found[os.path.relpath(os.path.join(folder, name), root)] = None
        for name in files:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                data = file.read()
            assert os.path.getsize(path) == len(data)
            found[os.path.relpath(path, root)] = data.decode()
    return found


def perform(operation, root, one, other, number, text):
    a, b = os.path.join(root, one), os.path.join(root, other)
    top = one in ("", ".")
    if operation == "write":
        with open(b, "w") as file:
            return file.write(text)
    if operation == "append":
        with open(b, "a") as file:
            return file.write(text), file.tell()
    if operation == "truncate":
        return os.truncate(a, number)
    if operation == "unlink":
        return os.unlink(a)
    if operation == "mkdir":
        return os.mkdir(b)
    if operation == "makedirs":
        return os.makedirs(os.path.join(b, "q", "r"), exist_ok=True)
    if operation in ("rmdir", "rename", "replace", "rmtree") and top:
        return None
    if operation == "rmdir":
        return os.rmdir(a)
    if operation == "rename":
        return os.rename(a, b)
    if operation == "replace":
        return os.replace(a, b)
    if operation == "rmtree":
        return shutil.rmtree(a)
    if operation == "move":
        return shutil.move(a, b)
    if operation == "copy":
        return shutil.copy(a, b)
    if operation == "copytree":
        inside = (other + "/").startswith(one + "/")
        return None if top or inside else shutil.copytree(a, b)
    if operation == "listdir":
        return sorted(os.listdir(a))
    if operation == "utime":
        return os.utime(a, (1, 2))
    if operation == "stat":
        status = os.stat(a)
        return status.st_size, status.st_mode & 0o170000
    if operation == "read":
        with open(a) as file:
            return file.read()
    if operation == "seek":
        with open(a, "rb") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - 3))
            return end, file.read().decode(), file.tell()
    with open(a, "r+b") as file:
        if operation == "update":
            file.seek(number)
            file.write(text.encode())
            file.seek(0)
        elif operation == "resize":
            file.truncate(number)
        else:
            assert operation == "unlink_open"
            first = file.read(1)
            os.unlink(a)
            return (first + file.read()).decode()
        return file.read().decode()


def attempt(operation, root, *rest):
    try:
        done = perform(operation, root, *rest)
    except (OSError, shutil.Error) as error:
        done = type(error).__name__, getattr(error, "errno", None)
    return json.dumps(done).replace(root, "ROOT")


def step(rng, staged, plain):
    folders, files = [""], []
    for folder, below, names in os.walk(plain):
        inside = os.path.relpath(folder, plain)
        folders += [os.path.normpath(os.path.join(inside, name)) for name in below]
        files += [os.path.normpath(os.path.join(inside, name)) for name in names]
    one = rng.choice(folders + files + ["nowhere"])
    new = os.path.join(rng.choice(folders), rng.choice("abcde"))
    other = rng.choice([new, rng.choice(folders + files)])
    operation = rng.choice(OPERATIONS)
    text = rng.choice(["", "x", "hello\n" * 3])
    rest = one, other, rng.randrange(40), text
    results = [attempt(operation, root, *rest) for root in (staged, plain)]
    assert results[0] == results[1], (operation, *rest, *results)


def compare(seed, steps, staged, plain):
    rng = random.Random(seed)
    for _ in range(steps):
        step(rng, staged, plain)
    assert tree(staged) == tree(plain), (tree(staged), tree(plain))


def copy_plain(snapshot, plain):
    os.mkdir(plain)
    for path, text in snapshot.items():
        if text is None:
            os.mkdir(os.path.join(plain, path))
        else:
            with open(os.path.join(plain, path), "w") as file:
                file.write(text)
