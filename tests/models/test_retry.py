from __future__ import annotations

import asyncio

import pytest

from smolterm.errors import BadRequest, RateLimited, StreamCut
from smolterm.models import Delta, Done, Waiting
from smolterm.models.retry import Patience, retry_after, retrying, wait_before_next


def limited(seconds=None):
    error = RateLimited("slow down")
    error.retry_after = seconds
    return error


def test_waits_double_up_to_the_longest():
    waits = [wait_before_next(limited(), n, 0, Patience(attempts=9), 0.5) for n in range(1, 9)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 20, 20]


def test_chance_spreads_a_wait_by_a_quarter():
    assert wait_before_next(limited(), 1, 0, Patience(first=4), 0) == 3
    assert wait_before_next(limited(), 1, 0, Patience(first=4), 1) == 5


def test_the_providers_own_time_counts():
    assert wait_before_next(limited(33), 1, 0, Patience(), 0.5) == 33


@pytest.mark.parametrize(
    ("attempt", "elapsed", "asked"), [(5, 0, None), (1, 120, None), (1, 0, 121)]
)
def test_patience_ends(attempt, elapsed, asked):
    assert wait_before_next(limited(asked), attempt, elapsed, Patience(), 0.5) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 60),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e400"}, None),
    ],
)
def test_retry_after_is_read(headers, seconds):
    assert retry_after(headers, now=40) == seconds


def ask_all(tries, patience=None):
    slept = []
    left = iter(tries)

    async def ask():
        for part in next(left):
            if isinstance(part, Exception):
                raise part
            yield part

    async def sleep(seconds):
        slept.append(seconds)

    async def main():
        policy = retrying(
            ask, patience or Patience(), sleep=sleep, clock=lambda: 0, chance=lambda: 0.5
        )
        return [part async for part in policy]

    return asyncio.run(main()), slept


def test_a_cut_reply_is_asked_again_from_its_start():
    half, whole = Delta(channel="reply", text="ha"), Delta(channel="reply", text="half")
    parts, slept = ask_all([[half, StreamCut("cut")], [whole, Done()]])
    assert parts == [half, Waiting(why="cut", seconds=0.5, attempt=1), whole, Done()]
    assert slept == [0.5]


def test_what_cannot_pass_is_not_tried_again():
    with pytest.raises(BadRequest):
        ask_all([[BadRequest("no")]])


def test_the_last_tries_error_comes_out():
    tries = [[limited()], [limited()], [StreamCut("last")]]
    with pytest.raises(StreamCut, match="last"):
        ask_all(tries, Patience(attempts=3))
