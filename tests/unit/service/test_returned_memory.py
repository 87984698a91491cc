import asyncio
import sys

import numpy as np
import pytest

from alphadiffract_stream.service._returned_memory import resident, return_memory, returner

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or returner() is None, reason="not glibc on Linux"
)
MIB = 1 << 20


def fragmented() -> tuple[list[np.ndarray], int]:
    """Small arrays that keep what was freed between them from the system; and bytes freed."""
    arrays = [np.ones(60_000, np.uint8) for _ in range(2000)]
    kept = arrays[::100]
    freed = sum(array.nbytes for array in arrays) - sum(array.nbytes for array in kept)
    return kept, freed


def test_what_is_free_goes_back():
    kept, freed = fragmented()
    before = resident()
    give_back = returner()
    assert give_back is not None
    give_back()
    assert before - resident() > freed / 2
    assert all(array.all() for array in kept)


async def test_it_is_given_back_once_the_backlog_is_worked_off():
    sizes = [100, 200, 100, 102, 150, 100]
    looked: list[int] = []
    busy_was_asked, all_seen = asyncio.Event(), asyncio.Event()

    def look() -> int:
        if len(looked) == len(sizes):
            all_seen.set()
            return sizes[-1]
        looked.append(sizes[len(looked)])
        return looked[-1]

    def busy() -> bool:
        first = not busy_was_asked.is_set()
        busy_was_asked.set()
        return first

    task = asyncio.create_task(return_memory(busy, 0.001, look))
    await all_seen.wait()
    task.cancel()
    # 100: busy. 200 is returned, down to 100; 102 is not worth it; 150 is, down to 100.
    assert looked == sizes
