from __future__ import annotations

import asyncio
from time import monotonic

import numpy as np
import pytest

from alphadiffract_stream.errors import EngineError
from alphadiffract_stream.grid import GridPattern
from alphadiffract_stream.pattern import Origin, Pattern, RadialUnit
from alphadiffract_stream.service import Metrics
from alphadiffract_stream.service._batcher import Batcher, Job
from tests.streams import until

AXIS = np.linspace(5, 20, 8192)


class HeldDispatcher:
    """Notes how many patterns come together; answers (that it cannot) when told to."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.free = asyncio.Event()

    async def ask(self, rows):
        self.asked.append(len(rows))
        await self.free.wait()
        raise EngineError("held")


@pytest.fixture
def dispatcher() -> HeldDispatcher:
    return HeldDispatcher()


def batcher(dispatcher, **given) -> Batcher:
    limits = {"max_batch": 4, "max_in_flight": 2, "max_delay": 0.0} | given
    return Batcher(dispatcher, Metrics(), **limits)


def jobs(count: int, answers: list) -> list[Job]:
    intensity = np.ones(8192, np.float32)
    grid = GridPattern(intensity, np.zeros(8192, bool), 1.0)
    return [
        Job(
            Pattern(intensity, AXIS, RadialUnit.TWO_THETA_DEG, 0.62, origin=Origin(seq_num=n)),
            grid,
            monotonic(),
            lambda prediction, queue, compute: answers.append(prediction.origin.seq_num),
        )
        for n in range(count)
    ]


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_pattern_is_on_its_way_at_the_next_turn_of_the_loop(dispatcher):
    running = asyncio.create_task((b := batcher(dispatcher)).run())
    await turns()
    b.put(jobs(1, [])[0])
    await asyncio.sleep(0)
    assert dispatcher.asked == [1]
    running.cancel()
    await b.cancel()


async def test_what_comes_while_all_places_are_taken_goes_together(dispatcher):
    answers: list[int] = []
    running = asyncio.create_task((b := batcher(dispatcher)).run())
    await turns()
    for job in jobs(9, answers):
        b.put(job)
        await turns(1)
    assert dispatcher.asked == [1, 1], "two places"
    dispatcher.free.set()
    await turns(20)
    assert dispatcher.asked == [1, 1, 4, 3], "four at most"
    assert sorted(answers) == list(range(9)), "each once"
    running.cancel()


async def test_a_batch_waits_for_company_only_while_another_is_under_way(dispatcher):
    b = batcher(dispatcher, max_delay=0.02, max_in_flight=3)
    running = asyncio.create_task(b.run())
    await turns()
    first, *others = jobs(3, [])
    b.put(first)
    await turns(1)
    assert dispatcher.asked == [1], "at once"
    for job in others:
        b.put(job)
        await turns()
    assert dispatcher.asked == [1]
    await until(lambda: len(dispatcher.asked) == 2)
    assert dispatcher.asked == [1, 2], "both together"
    running.cancel()
    await b.cancel()


async def test_nothing_begins_before_it_runs_or_after_it_was_cancelled(dispatcher):
    answers: list[int] = []
    b = batcher(dispatcher, max_in_flight=1)
    first, second, third = jobs(3, answers)
    b.put(first)
    await turns()
    assert dispatcher.asked == []
    running = asyncio.create_task(b.run())
    await turns()
    assert dispatcher.asked == [1], "what was put in before"
    b.put(second)
    await b.cancel()
    b.put(third)
    await turns(10)
    assert dispatcher.asked == [1]
    assert answers == []
    running.cancel()


class PacedDispatcher:
    """Answers (that it cannot) after so many s a pattern, by a clock of its own."""

    def __init__(self, each: float) -> None:
        self.each = each
        self.now = 0.0
        self.asked: list[int] = []

    async def ask(self, rows):
        self.asked.append(len(rows))
        self.now += self.each * len(rows)
        raise EngineError("as ever")


async def asked_by(engine: PacedDispatcher, count: int, moment: float | None) -> list[int]:
    """Sizes of the batches in which so many patterns are asked about that come at once."""
    answers: list[int] = []
    serving = batcher(
        engine, max_batch=64, max_in_flight=1, moment=moment, clock=lambda: engine.now
    )
    for job in jobs(count, answers):
        serving.put(job)
    running = asyncio.create_task(serving.run())
    await until(lambda: len(answers) == count)
    running.cancel()
    return engine.asked


async def test_batches_are_as_large_as_the_engine_takes_in_a_moment():
    slow = await asked_by(PacedDispatcher(each=0.3), 6, moment=0.15)
    assert slow == [1] * 6, "one takes it longer than a moment"
    fast = await asked_by(PacedDispatcher(each=0.01), 200, moment=0.15)
    assert fast[0] == 1, "nothing is known of it yet"
    assert max(fast) in (14, 15), "0.15 s of 0.01 s each"
    assert await asked_by(PacedDispatcher(each=0.01), 70, moment=None) == [64, 6]


async def test_batches_become_smaller_when_the_engine_becomes_slower():
    engine = PacedDispatcher(each=0.01)
    answers: list[int] = []
    serving = batcher(engine, max_batch=64, max_in_flight=1, moment=0.15, clock=lambda: engine.now)
    running = asyncio.create_task(serving.run())
    for job in jobs(100, answers):
        serving.put(job)
    await until(lambda: len(answers) == 100)
    assert serving.limit > 10
    engine.each = 0.1
    for job in jobs(40, answers):
        serving.put(job)
    await until(lambda: len(answers) == 140)
    assert serving.limit == 1
    running.cancel()
