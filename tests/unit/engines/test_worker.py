from __future__ import annotations

import asyncio
import threading

import pytest

from alphadiffract_stream.engines._worker import Worker


@pytest.fixture
def worker():
    made: Worker[int, tuple[int, int]] = Worker(lambda x: (12 // x, threading.get_ident()), "test")
    yield made
    made.close()


async def test_it_works_in_one_thread_of_its_own_in_order(worker):
    results = await asyncio.gather(*(worker.submit(n) for n in (1, 2, 3, 4)))
    assert [value for value, _ in results] == [12, 6, 4, 3]
    threads = {thread for _, thread in results}
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_what_is_raised_is_raised_where_it_is_awaited_and_the_next_is_done(worker):
    with pytest.raises(ZeroDivisionError):
        await worker.submit(0)
    assert (await worker.submit(3))[0] == 4


async def test_the_loop_goes_on_meanwhile_and_what_nobody_waits_for_is_left_out():
    free, done = threading.Event(), []

    def work(name: str) -> str:
        free.wait(10)
        done.append(name)
        return name

    worker: Worker[str, str] = Worker(work, "test")
    futures = [worker.submit(name) for name in ("first", "cancelled", "last")]
    await asyncio.sleep(0)
    assert not futures[0].done()
    futures[1].cancel()
    free.set()
    assert await futures[2] == "last"
    assert done == ["first", "last"]
    worker.close()


async def test_it_is_busy_while_anybody_waits():
    free = threading.Event()
    worker: Worker[float, bool] = Worker(free.wait, "test")
    assert not worker.busy
    first, last = worker.submit(10), worker.submit(10)
    assert worker.busy
    free.set()
    await first
    assert await last
    assert not worker.busy
    worker.close()


async def test_closing_waits_for_what_was_submitted():
    done = []
    worker: Worker[int, None] = Worker(done.append, "test")
    futures = [worker.submit(n) for n in range(50)]
    await asyncio.to_thread(worker.close)
    await asyncio.to_thread(worker.close)
    assert done == list(range(50))
    await asyncio.gather(*futures)


def test_closing_what_was_never_asked_does_nothing():
    Worker(print, "test").close()


def test_a_loop_that_has_ended_is_no_error():
    free, done = threading.Event(), []
    worker: Worker[int, None] = Worker(lambda n: (free.wait(10), done.append(n))[1], "test")

    async def leave() -> None:
        worker.submit(1)

    asyncio.run(leave())
    free.set()
    worker.close()
    assert done == [1]
