from __future__ import annotations

import asyncio
import os

import pytest

from alphadiffract_stream.sources._readable import Readable


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


async def test_it_wakes_when_there_is_something_to_read(pipe):
    reading, writing = pipe
    readable = Readable(reading)
    waiting = asyncio.ensure_future(readable.wait(None))
    await asyncio.sleep(0)
    assert not waiting.done()
    os.write(writing, b"x")
    assert await asyncio.wait_for(waiting, 10) is True
    readable.close()


async def test_patience_ends_it(pipe):
    readable = Readable(pipe[0])
    assert await asyncio.wait_for(readable.wait(0.01), 10) is False
    readable.close()


async def test_closing_wakes_whoever_waits(pipe):
    readable = Readable(pipe[0])
    waiting = asyncio.ensure_future(readable.wait(None))
    await asyncio.sleep(0)
    readable.close()
    readable.close()
    assert await asyncio.wait_for(waiting, 10) is True


async def test_the_loop_is_not_woken_again_and_again_for_what_nobody_reads(pipe, monkeypatch):
    reading, writing = pipe
    readable, woken = Readable(reading), []
    wake = readable._wake
    monkeypatch.setattr(readable, "_wake", lambda: (woken.append(1), wake()))
    os.write(writing, b"x")
    assert await readable.wait(None) is True
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(woken) == 2, "once for the reader, once to find that there is none"
    assert await asyncio.wait_for(readable.wait(None), 10) is True, "and told when asked again"
    readable.close()


async def test_a_cancelled_wait_can_be_taken_up_again(pipe):
    reading, writing = pipe
    readable = Readable(reading)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(readable.wait(None), 0.01)
    os.write(writing, b"x")
    assert await asyncio.wait_for(readable.wait(None), 10) is True
    readable.close()
