"""The latest prediction as an ophyd-async device."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Literal

import numpy as np
from ophyd_async.core import (
    Array1D,
    AsyncStatus,
    StandardReadable,
    StandardReadableFormat,
    soft_signal_r_and_setter,
)

from ._answers import Answers
from ._device import Latest, make_feed
from ._predictor import Predictor
from ._run_tracker import RunTracker
from ._signals import FIELDS, HINTED, values_of


class AlphaDiffractReadable(StandardReadable):
    """`AlphaDiffractDevice` for ophyd-async: the same arguments, signals and waiting."""

    def __init__(
        self,
        *,
        name: str = "alphadiffract",
        detectors: Sequence[Any] = (),
        predictor: Predictor | None = None,
        answers: Answers | None = None,
        stream: str = "primary",
        exposure: Literal["next", "last"] = "last",
        timeout: float = 10.0,
        required: bool = True,
        signal: Any = None,
        keys: Mapping[str, str] | None = None,
        energy_kev: float | None = None,
    ) -> None:
        self._setters: dict[str, Callable[[Any], None]] = {}
        for field, what in FIELDS.items():
            readable, setter = soft_signal_r_and_setter(
                _datatype(what.initial), what.initial, units=what.units or None
            )
            setattr(self, field, readable)
            self._setters[field] = setter
            hinted = field in HINTED
            self.add_readables(
                [readable],
                StandardReadableFormat.HINTED_SIGNAL
                if hinted
                else StandardReadableFormat.UNCACHED_SIGNAL,
            )
        super().__init__()
        # The keys of both devices are the same, whichever a beamline uses.
        self.set_name(name, child_name_separator="_")
        self.follow = RunTracker()
        feed = make_feed(
            self.follow,
            detectors,
            predictor,
            answers,
            stream=stream,
            exposure=exposure,
            signal=signal,
            keys=keys,
            energy_kev=energy_kev,
        )
        # Signals are set by `trigger`, on the event loop they live on.
        self.latest = Latest(feed, self.follow, timeout, required, lambda data: None)

    @AsyncStatus.wrap
    async def trigger(self) -> None:
        """Done once the signals hold the prediction of this exposure."""
        done = self.latest.expect()
        try:
            await self._wait(done)
        finally:
            for field, value in values_of(self.latest.data).items():
                self._setters[field](value)

    @AsyncStatus.wrap
    async def stage(self) -> None:
        """What the detector has shown so far is of no exposure of this plan."""
        self.latest.feed.stage()
        await super().stage()

    @AsyncStatus.wrap
    async def unstage(self) -> None:
        """Stop waiting for the detector."""
        self.latest.feed.unstage()
        await super().unstage()

    async def _wait(self, done: Future[Any]) -> None:
        waiting = asyncio.wrap_future(done)
        await asyncio.wait({waiting}, timeout=self.latest.timeout)
        if not waiting.done():
            self.latest.give_up(done)
        await waiting


def _datatype(initial: Any) -> Any:
    if isinstance(initial, np.ndarray):
        return Array1D[np.int64] if initial.dtype == np.int64 else Array1D[np.float64]
    return type(initial)
