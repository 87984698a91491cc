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
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    called = []
    waker = Waker(loop, event)
    waker._event = Counted(called)  # type: ignore[assignment]
    for _ in range(1000):
        waker.wake()
    async with asyncio.timeout(5):
        while not called:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert 1 <= len(called) < 1000
    waker.close()


class Counted:
    def __init__(self, called: list[int]) -> None:
        self._called = called

    def set(self) -> None:
        self._called.append(1)


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
