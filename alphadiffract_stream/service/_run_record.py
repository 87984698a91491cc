"""What a run is begun and ended with, as plain values for the spool, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..documents import Begun
from ..sources import RunStarted, RunStopped

_BEGAN = ("run_uid", "start", "data_keys", "wavelength", "wavelength_source", "identity")


def began_value(message: RunStarted) -> dict[str, Any]:
    """`message` as plain values."""
    return {name: getattr(message, name) for name in _BEGAN}


def began_of(value: Mapping[str, Any]) -> RunStarted:
    """The message `began_value` was given."""
    return RunStarted(**value)


def begun_value(begun: Begun) -> dict[str, Any]:
    """Start and descriptor of a prediction run as plain values."""
    return {"start": begun.start, "descriptor": begun.descriptor, "carried": begun.carried}


def begun_of(value: Mapping[str, Any], last: int, events: int) -> Begun:
    """What `begun_value` was given, `events` of which were published up to seq_num `last`."""
    return Begun(**value, last=last, events=events)


def stop_value(message: RunStopped) -> dict[str, Any]:
    """`message` as plain values."""
    return asdict(message)


def stop_of(value: Mapping[str, Any]) -> RunStopped:
    """The message `stop_value` was given."""
    return RunStopped(**value)
