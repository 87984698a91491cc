"""A pattern from the detector's own signals, by the rules that hold for its documents."""

from __future__ import annotations

import asyncio
import inspect
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import PatternError
from ..pattern import Origin, Pattern
from ..sources import PatternReceived, PatternRefused
from ..sources._assembler import Assembler, PatternKeys

_TIMEOUT = 10.0
"""s an ophyd-async device may take to be read."""


class DetectorReader:
    """Reads devices as a RunEngine would and makes the pattern their event would give.

    devices: the detector, and whatever else says the axis or the photon energy. Reading goes on in
    the thread that calls; coroutines of ophyd-async devices are run on `loop`.
    """

    def __init__(
        self, devices: Sequence[Any], *, keys: PatternKeys, wavelength: float | None
    ) -> None:
        self._devices = devices
        self._keys = keys
        self._wavelength = wavelength
        self._assembler: Assembler | None = None
        self._descriptor = ""
        self._events = 0

    def forget(self) -> None:
        """Configurations may have changed: describe anew before the next reading."""
        self._assembler = None

    def pattern(
        self, start: Mapping[str, Any], origin: Origin, loop: asyncio.AbstractEventLoop | None
    ) -> Pattern:
        """The pattern the devices hold now. Raises PatternError where they hold none.

        start: start document of the run, which may name the energy; empty without one.
        """
        if self._assembler is None:
            self._begin(start, loop)
        assert self._assembler is not None
        readings: dict[str, Any] = {}
        for device in self._devices:
            readings |= _result(device.read(), loop)
        self._events += 1
        messages = self._assembler.feed(
            "event",
            {
                "uid": str(uuid.uuid4()),
                "descriptor": self._descriptor,
                "seq_num": self._events,
                "time": time.time(),
                "data": {key: reading["value"] for key, reading in readings.items()},
                "timestamps": {key: reading["timestamp"] for key, reading in readings.items()},
            },
        )
        for message in messages:
            if isinstance(message, PatternRefused):
                raise message.error
            if isinstance(message, PatternReceived):
                found = message.pattern
                return Pattern(
                    found.intensity.copy(),
                    found.axis,
                    found.unit,
                    found.wavelength,
                    found.wavelength_source,
                    sigma=found.sigma,
                    mask=found.mask,
                    origin=origin,
                    metadata=found.metadata,
                )
        names = ", ".join(str(getattr(device, "name", device)) for device in self._devices)
        raise PatternError(
            "intensity", f"none in {names}", "give the detector that holds the pattern, or keys="
        )

    def _begin(self, start: Mapping[str, Any], loop: asyncio.AbstractEventLoop | None) -> None:
        """Describe the devices to an assembler, as a run of one stream."""
        self._assembler = Assembler(self._keys, "device", "", self._wavelength)
        run, self._descriptor = str(uuid.uuid4()), str(uuid.uuid4())
        keys: dict[str, Any] = {}
        objects: dict[str, list[str]] = {}
        configuration: dict[str, Any] = {}
        for device in self._devices:
            described = dict(_result(device.describe(), loop))
            keys |= described
            objects[device.name] = list(described)
            configuration[device.name] = _configuration(device, loop)
        began = {**start, "uid": run, "time": start.get("time", time.time())}
        self._assembler.feed("start", began)
        self._assembler.feed(
            "descriptor",
            {
                "uid": self._descriptor,
                "run_start": run,
                "time": time.time(),
                "name": "primary",
                "data_keys": keys,
                "object_keys": objects,
                "configuration": configuration,
            },
        )


def _configuration(device: Any, loop: asyncio.AbstractEventLoop | None) -> dict[str, Any]:
    if not hasattr(device, "read_configuration"):
        return {}
    readings = _result(device.read_configuration(), loop)
    return {
        "data": {key: reading["value"] for key, reading in readings.items()},
        "timestamps": {key: reading["timestamp"] for key, reading in readings.items()},
        "data_keys": _result(device.describe_configuration(), loop),
    }


def _result(value: Any, loop: asyncio.AbstractEventLoop | None) -> Any:
    """`value`, or what it comes to where it is a coroutine."""
    if not inspect.isawaitable(value):
        return value

    async def wait() -> Any:
        return await value

    if loop is None:
        return asyncio.run(wait())
    return asyncio.run_coroutine_threadsafe(wait(), loop).result(_TIMEOUT)
