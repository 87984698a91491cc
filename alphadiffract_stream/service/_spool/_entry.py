"""One accepted event in the spool."""

from __future__ import annotations

from dataclasses import dataclass

from ._records import Event


@dataclass(slots=True, eq=False)
class Entry:
    """One accepted event in the spool."""

    id: int
    run_uid: str
    arrived: float
    """Unix time, s."""
    size: int
    message: Event | None
    """None once it is written: whoever needs it then reads it back."""
    kept: bool = False
    """On disk; or the disk cannot be written to, and nobody waits for it."""
    written: bool = False
    done: bool = False


def size_of(message: Event) -> int:
    """Bytes it takes, roughly."""
    pattern = getattr(message, "pattern", None)
    if pattern is None:
        return 1024
    arrays = (pattern.intensity, pattern.sigma)
    return 1024 + sum(array.nbytes for array in arrays if array is not None)
