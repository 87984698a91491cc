"""A raw run as a beamline publishes it, in bytes: msgpack documents of simulated frames."""

from __future__ import annotations

import re
import struct
from time import time
from typing import Any
from uuid import uuid4

import numpy as np
from event_model import ComposeDescriptorBundle, compose_run
from numpy.typing import NDArray

from ..wire import Serializer, encode_message

PREFIX = b"raw"
ENERGY = 20.0
"""keV."""
_FRAMES = 32
"""Different patterns, which repeat: how long the way takes does not depend on what is in them."""

_UID = b"00000000-bench-event-uid-000000000000"[:36]
_SEQ_NUM = b"\xfe\xdc\xba\x98"
_TIME = b"\x41\xda\xbe\xef\x5e\xed\xca\xfe"
_OWN = tuple(map(re.escape, (_UID, _SEQ_NUM, _TIME)))
"""What stands in an encoded event where its own uid, number and time will."""


def frames(points: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """2θ (points,) in degrees at `ENERGY`, and (32, points) counts of lines on a background."""
    rng = np.random.default_rng(seed)
    two_theta = np.linspace(4.5, 20.5, points)
    positions = rng.uniform(5.2, 19.5, (_FRAMES, 1, 24))
    heights = rng.uniform(20, 1000, (_FRAMES, 1, 24))
    counts = np.full((_FRAMES, points), 20.0)
    for frame in range(_FRAMES):
        distance = (two_theta[:, None] - positions[frame]) / 0.03
        counts[frame] += (heights[frame] / (1 + distance**2)).sum(axis=1)
    return two_theta, rng.poisson(counts).astype(np.float32)


class Scan:
    """One raw run; events are numbered from 1.

    Its events are composed and encoded beforehand, once a frame, and differ in four places that
    are written over when one is asked for: what a generator does between two events, the service
    on the same cores waits for.
    """

    def __init__(self, two_theta: NDArray[np.float64], intensities: NDArray[np.float32]) -> None:
        self._run = compose_run(metadata={"plan_name": "bench", "purpose": "benchmark"})
        self._descriptor = self._describe(two_theta)
        self.uid: str = self._run.start_doc["uid"]
        self._events = 0
        self._frames = [self._template(intensity) for intensity in intensities]

    def opening(self) -> list[bytes]:
        """Start and descriptor."""
        return [
            _encode("start", self._run.start_doc),
            _encode("descriptor", self._descriptor.descriptor_doc),
        ]

    def event(self, seq_num: int) -> bytes:
        """The event document of one frame."""
        self._events += 1
        parts = self._frames[seq_num % len(self._frames)]
        now = struct.pack(">d", time())
        values = {_UID: str(uuid4()).encode(), _SEQ_NUM: struct.pack(">I", seq_num), _TIME: now}
        return b"".join(values.get(part, part) for part in parts)

    def stop(self) -> bytes:
        """The stop document, which counts the events made."""
        stop = self._run.compose_stop()
        return _encode("stop", {**stop, "num_events": {"primary": self._events}})

    def _template(self, intensity: NDArray[np.float32]) -> list[bytes]:
        """An encoded event, cut before and behind what each event has of its own."""
        data = {"detector_intensity": intensity, "temperature": 300.0}
        [unix_time] = struct.unpack(">d", _TIME)
        event = self._descriptor.compose_event(
            data=data,
            timestamps=dict.fromkeys(data, unix_time),
            seq_num=int.from_bytes(_SEQ_NUM, "big"),
            uid=_UID.decode(),
            time=unix_time,
            validate=False,
        )
        return re.split(b"(" + b"|".join(_OWN) + b")", _encode("event", event))

    def _describe(self, two_theta: NDArray[np.float64]) -> ComposeDescriptorBundle:
        source = {"source": "SIM:bench"}
        values: dict[str, Any] = {"detector_two_theta": two_theta, "detector_energy": ENERGY}
        array = {"dtype": "array", "shape": [two_theta.size], **source}
        configuration = {
            "data": values,
            "timestamps": dict.fromkeys(values, time()),
            "data_keys": {
                "detector_two_theta": {**array, "units": "deg"},
                "detector_energy": {"dtype": "number", "shape": [], "units": "keV", **source},
            },
        }
        keys = {
            "detector_intensity": {**array, "units": "counts"},
            "temperature": {"dtype": "number", "shape": [], "units": "K", **source},
        }
        return self._run.compose_descriptor(
            name="primary",
            data_keys=keys,
            object_keys={"detector": ["detector_intensity"], "furnace": ["temperature"]},
            configuration={"detector": configuration},
        )


def _encode(name: str, document: Any) -> bytes:
    return encode_message(name, document, Serializer.MSGPACK, PREFIX)
