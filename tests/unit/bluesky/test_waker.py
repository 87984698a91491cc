from __future__ import annotations

import asyncio
import threading

from alphadiffract_stream.bluesky._waker import Waker


def running() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "alphadiffract-waker"]


async def test_an_event_is_set_from_another_thread() -> None:
    event = asyncio.Event()
    waker = Waker(asyncio.get_running_loop(), event)
    for _ in range(3):
        await asyncio.to_thread(waker.wake)
        async with asyncio.timeout(5):
            await event.wait()
        event.clear()
    waker.close()


async def test_many_knocks_before_it_wakes_are_one() -> None:
    counted = Counted()
    waker = Waker(asyncio.get_running_loop(), counted)
    for _ in range(1000):
        waker.wake()
    async with asyncio.timeout(5):
        await counted.wait()
    await asyncio.sleep(0.05)
    assert 1 <= counted.times < 1000
    waker.close()


class Counted(asyncio.Event):
    times = 0

    def set(self) -> None:
        self.times += 1
        super().set()


async def test_it_ends_when_closed_and_with_the_loop() -> None:
    before = len(running())
    waker = Waker(asyncio.get_running_loop(), asyncio.Event())
    assert len(running()) == before + 1
    waker.close()
    waker.close()
    waker._thread.join(5)
    assert len(running()) == before
    gone = asyncio.new_event_loop()
    gone.close()
    late = Waker(gone, asyncio.Event())
    late.wake()
    late._thread.join(5)
    assert not late._thread.is_alive(), "nobody waits any more"
    waker.wake()
