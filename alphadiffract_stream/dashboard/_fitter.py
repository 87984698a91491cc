"""Fits in another process, so that the page stays lively: the frame asked for last comes first."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, NamedTuple

import numpy as np

from ._fit import Fit, fit_cell
from ._frame import Frame
from ._peaks import find_peaks
from ._run import Run

log = logging.getLogger(__name__)

_KEPT = 500
Key = tuple[str, int]


class Found(NamedTuple):
    """What is known of a frame's fit."""

    fit: Fit | None
    looked: bool
    """False while the frame itself has not been fitted."""
    seq_num: int
    """The frame `fit` is of: this one, or, while it is looked for, the one before."""


class Fitter:
    """Remembers what was found of each frame; at most one fit is under way.

    changed: called when a fit has come back.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._pool: ProcessPoolExecutor | None = None
        self._found: OrderedDict[Key, Fit | None] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._next: tuple[Run, Frame] | None = None

    def look(self, run: Run, frame: Frame) -> Found:
        """The fit of `frame`; asks for it where it was not looked for yet."""
        key = run.uid, frame.seq_num
        if key in self._found:
            return Found(self._found[key], True, frame.seq_num)
        if frame.predicted and frame.trace is not None:
            self._next = run, frame
            if self._task is None or self._task.done():
                self._task = asyncio.get_running_loop().create_task(self._work())
        before = self._before(run, frame)
        if before is None:
            return Found(None, not frame.predicted, frame.seq_num)
        return Found(self._found[run.uid, before], False, before)

    async def close(self) -> None:
        """End the other process. Safe to call twice."""
        self._next = None
        if self._task is not None:
            self._task.cancel()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    async def _work(self) -> None:
        while self._next is not None:
            (run, frame), self._next = self._next, None
            data, trace = frame.prediction or {}, frame.trace
            if trace is None:
                continue
            groups = [int(n) for n in data.get("space_group_numbers", ()) if n]
            cell, spread = frame.cell("lattice"), frame.cell("lattice", "_std")
            before = self._before(run, frame)
            start = None if before is None else self._found[run.uid, before]
            arguments = (trace.d, trace.intensity, cell, spread, groups, start)
            try:
                if self._pool is None:
                    self._pool = ProcessPoolExecutor(
                        1, multiprocessing.get_context("spawn"), initializer=_be_modest
                    )
                loop = asyncio.get_running_loop()
                found = await loop.run_in_executor(self._pool, fit_trace, *arguments)
            except BrokenProcessPool:
                log.warning("comparing cells with peaks: the process has ended; another is started")
                self._pool, found = None, None
            self._found[run.uid, frame.seq_num] = found
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
            self._changed()

    def _before(self, run: Run, frame: Frame) -> int | None:
        """The nearest frame before that was fitted."""
        earlier = (n for uid, n in self._found if uid == run.uid and n < frame.seq_num)
        return max(earlier, default=None)


def fit_trace(
    d: Any, intensity: Any, niggli: Any, std: Any, groups: list[int], start: Fit | None
) -> Fit | None:
    """`fit_cell` of the peaks of a pattern: d (n,) Å, intensity (n,)."""
    peaks = find_peaks(d, intensity)
    return fit_cell(peaks, np.asarray(niggli), np.asarray(std), groups, start)


def _be_modest() -> None:
    os.nice(10)
