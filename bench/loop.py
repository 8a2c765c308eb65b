"""A million rounds of what interpreters do; the same text runs in the sandbox and outside."""


def rounds(count):
    total = 0
    for number in range(count):
        total += number & 7
    return total


rounds(1_000_000)
