"""Memory that a backlog took goes back to the system once it is worked off.

The C library keeps what was freed between pieces still in use, for as long as the process lives: a
service that was once behind would look as if it leaked, and weigh on its neighbours.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

_INTERVAL = 10.0
"""s between looks."""
_GROWN = 1.03
"""Times what was resident after the last return: worth another."""
_STATM = Path("/proc/self/statm")


def resident() -> int:
    """Bytes of memory this process holds; 0 where the system does not say."""
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def returner() -> Callable[[], None] | None:
    """What gives free memory back; None where the C library has no such call (only glibc has)."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):
        return None
    return lambda: trim(ctypes.c_size_t(0))


async def return_memory(
    busy: Callable[[], bool],
    interval: float = _INTERVAL,
    held: Callable[[], int] = resident,
) -> None:
    """Give back whenever the process has grown and `busy` says no, until cancelled."""
    give_back = returner()
    least = 0
    while give_back is not None:
        await asyncio.sleep(interval)
        before = held()
        if busy() or before <= _GROWN * least:
            continue
        # Milliseconds in which other threads may have to wait for memory, hence only when grown.
        await asyncio.to_thread(give_back)
        least = held()
        log.debug("resident memory: %d MiB, was %d", least >> 20, before >> 20)
