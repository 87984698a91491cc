"""What waits in a source that keeps the newest is bounded, whatever is sent and whoever listens."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from alphadiffract_stream.pattern import Origin
from alphadiffract_stream.sources import PatternsSkipped, _shedding
from alphadiffract_stream.sources._receiver import Closed
from alphadiffract_stream.sources._shedding import Shedding
from tests.streams import until

KEEP = 4


def event(number: int) -> list[bytes]:
    return [b"raw event %d" % number]


def number_of(message: bytes) -> int:
    return int(message.split()[2])


def named(message: bytes) -> Origin | None:
    return Origin(seq_num=number_of(message))


class Sent:
    """A receiver of what is put in."""

    def __init__(self) -> None:
        self.messages: list[list[bytes]] = []
        self.closed = False

    async def receive(self, patience):
        await until(lambda: self.messages or self.closed)
        if not self.messages:
            raise Closed
        return self.messages.pop(0)

    def ready(self, most):
        taken, self.messages = self.messages[:most], self.messages[most:]
        return taken


@asynccontextmanager
async def shedding(pass_over):
    sent = Sent()
    made = Shedding(sent, KEEP, pass_over)
    sent.messages = [[b"raw start 0"]]
    await made.receive(None)
    yield sent, made
    sent.closed = True
    made._reading.cancel()


async def numbers(made: Shedding, count: int) -> tuple[list[int], list[int]]:
    """Of the events read, and of those passed over."""
    read: list[int] = []
    skipped: list[int] = []
    while len(read) + len(skipped) < count:
        item = await made.receive(None)
        if isinstance(item, PatternsSkipped):
            skipped += [origin.seq_num for origin in item.origins]
        else:
            read.append(number_of(item[0]))
    return read, skipped


async def test_while_nobody_takes_anything_one_entry_tells_of_all_that_was_passed_over():
    async with shedding(named) as (sent, made):
        for number in range(1, 1001):
            sent.messages.append(event(number))
            if number % 100 == 0:
                await until(lambda: not sent.messages)
        await until(lambda: made._told == 1000 - KEEP)
        assert len(made._queue) == 1 + KEEP
        assert made.works
        read, skipped = await numbers(made, 1000)
        assert read == [997, 998, 999, 1000]
        assert skipped == list(range(1, 997))


async def test_what_cannot_be_passed_over_stays_in_the_socket(monkeypatch):
    monkeypatch.setattr(_shedding, "_MOST", 10)
    async with shedding(lambda message: None) as (sent, made):
        sent.messages = [event(number) for number in range(1, 101)]
        await until(lambda: not made.works)
        await asyncio.sleep(0.05)
        assert len(made._queue) == 11
        assert len(sent.messages) == 89
        assert await numbers(made, 100) == (list(range(1, 101)), [])


async def test_it_works_again_once_events_can_be_passed_over():
    known = False
    async with shedding(lambda message: named(message) if known else None) as (sent, made):
        sent.messages = [event(number) for number in range(1, 11)]
        await until(lambda: not made.works)
        known = True
        await numbers(made, 10)
        sent.messages = [event(number) for number in range(11, 31)]
        await until(lambda: made.works)
        read, _ = await numbers(made, 20)
        assert read[-1] == 30


async def test_it_is_not_read_on_when_too_many_wait_to_be_told_of(monkeypatch):
    monkeypatch.setattr(_shedding, "_TOLD", 20)
    monkeypatch.setattr(_shedding, "_MOST", 10)
    async with shedding(named) as (sent, made):
        sent.messages = [event(number) for number in range(1, 101)]
        await until(lambda: made._told > 20)
        await asyncio.sleep(0.05)
        assert made._told <= 31
        assert sent.messages
        read, skipped = await numbers(made, 100)
        assert sorted(read + skipped) == list(range(1, 101))


async def test_the_end_comes_after_what_was_read():
    async with shedding(named) as (sent, made):
        sent.messages = [event(1)]
        sent.closed = True
        assert await made.receive(None) == event(1)
        with pytest.raises(Closed):
            await made.receive(None)
