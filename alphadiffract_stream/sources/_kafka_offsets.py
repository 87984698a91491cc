"""How far a consumer has come: only what is answered is committed. Pure."""

from __future__ import annotations

import threading
from collections.abc import Iterable

Partition = tuple[str, int]
"""Topic and number."""


class Offsets:
    """Positions of the partitions one consumer reads.

    A run needs its start and its descriptor, so whoever goes on with a partition must begin where
    the oldest run that is not done with began. Safe to use from two threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: dict[Partition, int] = {}
        self._runs: dict[str, dict[Partition, int]] = {}
        """First offset of each run that is not done with."""
        self._committed: dict[Partition, int] = {}

    def received(self, partition: Partition, offset: int, run_uid: str | None) -> None:
        """A message was read; `run_uid` where it is known to belong to a run."""
        with self._lock:
            self._next[partition] = offset + 1
            if run_uid is not None:
                self._runs.setdefault(run_uid, {}).setdefault(partition, offset)

    @property
    def runs(self) -> list[str]:
        """Runs that are not done with, oldest first."""
        with self._lock:
            return list(self._runs)

    def done(self, run_uid: str) -> None:
        """Everything of this run is answered and published, or there is nothing to answer."""
        with self._lock:
            self._runs.pop(run_uid, None)

    def revoke(self, partitions: Iterable[Partition]) -> list[str]:
        """Others read these now; returns the runs that are theirs, which are forgotten here."""
        with self._lock:
            lost = set(partitions)
            for partition in lost:
                self._next.pop(partition, None)
                self._committed.pop(partition, None)
            theirs = [uid for uid, firsts in self._runs.items() if lost & firsts.keys()]
            for uid in theirs:
                del self._runs[uid]
            return theirs

    def to_commit(self) -> dict[Partition, int]:
        """Positions that have moved since `committed` was last called."""
        with self._lock:
            return {p: o for p, o in self._positions().items() if self._committed.get(p) != o}

    def committed(self, positions: dict[Partition, int]) -> None:
        """These are written down."""
        with self._lock:
            self._committed |= positions

    def _positions(self) -> dict[Partition, int]:
        positions = dict(self._next)
        for firsts in self._runs.values():
            for partition, first in firsts.items():
                if partition in positions:
                    positions[partition] = min(positions[partition], first)
        return positions
