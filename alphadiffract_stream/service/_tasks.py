"""Small help with asyncio tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any


async def cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended; what they raised was reported by their owner."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def after(times: int, action: Callable[[], None]) -> Callable[[], None]:
    """A function that calls `action` when it is called for the `times`-th time."""
    left = times

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            action()

    return count
