"""The experiment: a RunEngine, its devices and its publisher, as any beamline runs them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import bluesky.plans as bp
import msgpack_numpy
import zmq
from bluesky import RunEngine
from bluesky.callbacks.zmq import Publisher

from ._devices import make_devices
from ._furnace import Diffractometer
from ._samples import CALCIUM_CARBONATE, Sample


class Experiment:
    """A furnace, a detector and a RunEngine that publishes msgpack documents to a proxy."""

    def __init__(
        self,
        port: int,
        prefix: str,
        *,
        exposure: float,
        seed: int,
        sample: Sample = CALCIUM_CARBONATE,
    ) -> None:
        self.sample = sample
        self.run_uid = ""
        """Of the latest run."""
        self.emitted: dict[int, float] = {}
        """`seq_num` → time.perf_counter() when the latest run's event left the RunEngine."""
        self.detector, self.mono, self.furnace = make_devices(
            Diffractometer(sample=sample), exposure=exposure, seed=seed
        )
        self._publisher = Publisher(
            f"127.0.0.1:{port}", prefix=prefix.encode(), serializer=msgpack_numpy.packb
        )
        # A proxy that died must not keep the demo from ending.
        self._publisher._socket.setsockopt(zmq.LINGER, 2000)
        self._loop = asyncio.new_event_loop()
        # Without bluesky's own handler Ctrl-C ends the demo at once instead of pausing the plan.
        self._engine = RunEngine({}, loop=self._loop, context_managers=[])
        self._engine.subscribe(self._remember)
        self._engine.subscribe(self._publisher)

    def probe(self) -> str:
        """Take one frame of the cold sample; returns the run's uid."""
        self.furnace.set(self.sample.range[0])
        self._engine(bp.count([self.detector, self.mono, self.furnace], md={"purpose": "probe"}))
        return self.run_uid

    def heat(self, frames: int) -> str:
        """Heat the sample and take `frames` frames on the way; returns the run's uid."""
        plan = bp.list_scan(
            [self.detector, self.mono],
            self.furnace,
            self.sample.temperatures(frames).tolist(),
            md={"sample_name": self.sample.name, "purpose": self.sample.purpose},
        )
        self._engine(plan)
        return self.run_uid

    def close(self) -> None:
        """Send what is still queued; let go of the socket and the RunEngine's thread."""
        self._publisher.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        while self._loop.is_running():
            time.sleep(0.01)
        self._loop.close()

    def _remember(self, name: str, document: Mapping[str, Any]) -> None:
        if name == "start":
            self.run_uid = document["uid"]
            self.emitted = {}
        elif name == "event":
            self.emitted[document["seq_num"]] = time.perf_counter()
