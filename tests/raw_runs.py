"""Raw Bluesky runs as a RunEngine would publish them, for tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from event_model import compose_run

Named = tuple[str, dict[str, Any]]
POINTS = 200
TWO_THETA = np.linspace(3.0, 23.0, POINTS)


def data_key(dtype: str = "number", **more: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": [], "source": "SIM:x", **more}


def array_key(size: int | None = POINTS, **more: Any) -> dict[str, Any]:
    return data_key("array", **{"shape": [size], **more})


def configuration(**signals: tuple[Any, str]) -> dict[str, Any]:
    """One object's configuration: name=(value, units)."""
    keys = {
        name: data_key(
            "array" if np.ndim(value) else "number", shape=[*np.shape(value)], units=units
        )
        for name, (value, units) in signals.items()
    }
    data = {name: value for name, (value, _) in signals.items()}
    return {"data": data, "data_keys": keys, "timestamps": dict.fromkeys(data, 0.0)}


def diffraction(number: int, size: int = POINTS) -> np.ndarray:
    """One peak that moves with `number`."""
    positions = np.arange(size)
    return 10 + 1000 * np.exp(-(((positions - 20 - 7 * number) / 2) ** 2))


def raw_run(
    events: int = 3,
    *,
    start: dict[str, Any] | None = None,
    data_keys: dict[str, dict[str, Any]] | None = None,
    config: dict[str, Any] | None = None,
    data: dict[str, Any] | None = None,
    stream: str = "primary",
    baseline: bool = False,
    hints: dict[str, Any] | None = None,
) -> list[Named]:
    """A whole run: detector ``det`` with its axis and energy in its configuration, and a motor."""
    if config is None:
        config = {"det": configuration(det_two_theta=(TWO_THETA, "deg"), det_energy=(20.0, "keV"))}
    run = compose_run(metadata={"scan_id": 7, "plan_name": "count", **(start or {})})
    documents: list[Named] = [("start", dict(run.start_doc))]
    if baseline:
        keys = {"slits": array_key(40), "ring_current": data_key()}
        bundle = run.compose_descriptor(name="baseline", data_keys=keys)
        documents.append(("descriptor", dict(bundle.descriptor_doc)))
        values = {"slits": [0.0] * 40, "ring_current": 200.0}
        event = bundle.compose_event(data=values, timestamps=dict.fromkeys(values, 0.0))
        documents.append(("event", dict(event)))
    keys = {"det_intensity": array_key(), "temperature": data_key(units="K"), **(data_keys or {})}
    bundle = run.compose_descriptor(
        name=stream,
        data_keys=keys,
        object_keys={"det": [k for k in keys if k != "temperature"], "furnace": ["temperature"]},
        configuration=config,
        hints=hints or {},
    )
    documents.append(("descriptor", dict(bundle.descriptor_doc)))
    for number in range(events):
        values = {"det_intensity": diffraction(number), "temperature": 300.0 + number}
        values |= {key: value for key, value in (data or {}).items() if key in keys}
        times = dict.fromkeys(values, 1.5)
        # Not validated, so that tests can leave out what should be there.
        event = bundle.compose_event(data=values, timestamps=times, validate=False)
        documents.append(("event", dict(event)))
    documents.append(("stop", dict(run.compose_stop())))
    return documents


def run_of_arrays(
    values: Iterable[Any], key: dict[str, Any], name: str, config: dict[str, Any]
) -> list[Named]:
    """A run of one detector, an array an event."""
    composed = compose_run(metadata={"plan_name": "count"})
    bundle = composed.compose_descriptor(
        name="primary",
        data_keys={name: key, "temperature": data_key(units="K")},
        object_keys={"det": [name], "furnace": ["temperature"]},
        configuration=config,
    )
    documents: list[Named] = [
        ("start", dict(composed.start_doc)),
        ("descriptor", dict(bundle.descriptor_doc)),
    ]
    for n, value in enumerate(values):
        data = {name: value, "temperature": 300.0 + n}
        event = bundle.compose_event(data=data, timestamps=dict.fromkeys(data, 0.0), validate=False)
        documents.append(("event", dict(event)))
    return [*documents, ("stop", dict(composed.compose_stop()))]
