"""How one stream of events is read: worked out once from its descriptor, used for every event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import PatternError
from ...integration import Integrator
from ...pattern import Origin, Pattern
from ._axis import REMEDY, Axis, find_axis, vector
from ._beam import Beam, find_beam
from ._keys import PatternKeys, RunHints, find_sigma
from ._raw_documents import Descriptor, Event
from ._unfilled import Beside
from ._units import axis_unit


class FramesError(PatternError):
    """Frames, and no calibration to integrate them by."""


_EXTERNAL = (
    "external data is not read: name the folders it may lie in with ?data=FOLDER, or put the "
    "integrated pattern itself into the event"
)


@dataclass(frozen=True, slots=True)
class Layout:
    """What to read in the events of one descriptor."""

    descriptor: Descriptor
    intensity: str
    axis: Axis | None
    """None where only the file of the intensity says."""
    beam: Beam
    sigma: str | None = None
    mask: str | None = None
    integrator: Integrator | None = None
    """Where the intensity is a frame that is to be integrated."""

    def external(self, event: Event) -> list[str]:
        """Data keys this event is read from whose values are not in it, but elsewhere."""
        roles = (self.intensity, self.axis.key if self.axis else None, self.sigma, self.mask)
        beam = (statement.name for statement in self.beam.event_keys)
        keys = self.descriptor.data_keys
        return [
            key
            for key in dict.fromkeys((*roles, *beam))
            if key is not None and keys[key].external and not _inside(event, key)
        ]

    def filled(
        self, event: Event, origin: Origin, values: Mapping[str, Any], beside: Beside | None
    ) -> Pattern:
        """The pattern in `event` with what was read elsewhere. Raises PatternError."""
        data, filled = {**event.data, **values}, {**event.filled, **dict.fromkeys(values, True)}
        whole = event.model_copy(update={"data": data, "filled": filled})
        return self.pattern(whole, origin, beside)

    def pattern(self, event: Event, origin: Origin, beside: Beside | None = None) -> Pattern:
        """The pattern in `event`. Raises PatternError naming what is missing or wrong."""
        if self.integrator is not None:
            return self._integrated(event, origin, self.integrator)
        intensity = self._array(event, "intensity", self.intensity)
        wavelength, source = self.beam.of(event)
        if self.axis is not None:
            axis, unit = self._axis(event, self.axis), self.axis.unit.unit
        elif beside is not None:
            axis, unit = beside.axis, beside.unit
            if beside.wavelength is not None and source in ("", "operator"):
                wavelength, source = beside.wavelength, beside.wavelength_source
        else:
            raise PatternError("axis", "neither in the documents nor read from the file", REMEDY)
        return Pattern(
            intensity=intensity,
            axis=axis,
            unit=unit,
            wavelength=wavelength,
            wavelength_source=source,
            sigma=self._array(event, "sigma", self.sigma) if self.sigma else None,
            mask=self._mask(event) if self.mask else None,
            origin=origin,
            metadata=metadata(self.descriptor, event),
        )

    def _integrated(self, event: Event, origin: Origin, integrator: Integrator) -> Pattern:
        """The operator's own wavelength goes after the PONI's, which is his as well."""
        wavelength, source = self.beam.of(event)
        if source == "operator" and integrator.wavelength is not None:
            wavelength, source = None, ""
        return integrator.pattern(
            self._value(event, "frame", self.intensity),
            wavelength=wavelength,
            wavelength_source=source,
            origin=origin,
            metadata=metadata(self.descriptor, event),
        )

    def _axis(self, event: Event, axis: Axis) -> NDArray[Any]:
        key, scale = axis.key, axis.unit.scale
        values = axis.values if key is None else self._array(event, "axis", key)
        if scale == 1.0:
            return values  # type: ignore[return-value]
        try:
            return np.asarray(values, dtype=float) * scale
        except (TypeError, ValueError) as error:
            raise PatternError("axis", f"not numbers ({error})", "send numbers") from None

    def _array(self, event: Event, role: str, key: str) -> Any:
        return vector(self._value(event, role, key))

    def _value(self, event: Event, role: str, key: str) -> Any:
        data_key = self.descriptor.data_keys[key]
        if key not in event.data:
            remedy = _EXTERNAL if data_key.external else f"every event must have {key!r}"
            raise PatternError(role, f"no {key!r} in the event", remedy)
        value = event.data[key]
        if event.filled.get(key, not data_key.external) is False or isinstance(value, str):
            raise PatternError(role, f"{key!r} is not filled in ({value!r:.60})", _EXTERNAL)
        return value

    def _mask(self, event: Event) -> NDArray[np.bool_]:
        mask = np.asarray(self._array(event, "mask", self.mask or ""))
        if mask.dtype.kind not in "biu" or mask.ndim != 1:
            value = f"{mask.dtype} of shape {mask.shape}"
            raise PatternError("mask", value, "send true where a point must not be used")
        return mask.astype(bool)


def make_layout(
    descriptor: Descriptor,
    intensity: str,
    start: Mapping[str, Any],
    keys: PatternKeys,
    wavelength: float | None,
    *,
    files: bool = False,
    integrator: Integrator | None = None,
) -> Layout:
    """How to read `descriptor`'s events. Raises PatternError where that cannot be settled.

    wavelength: Å, the operator's, used where neither event, configuration nor start names one.
    files: whether external data is read; its file may then say what the documents do not.
    integrator: for frames of a detector, of the operator's calibration.
    """
    hints = RunHints.of(start)
    keys = hints.over(keys)
    if descriptor.data_keys[intensity].two_dimensional:
        return _frame_layout(descriptor, intensity, start, keys, hints, wavelength, integrator)
    for role, key in (("sigma", keys.sigma), ("mask", keys.mask)):
        if key is not None and key not in descriptor.data_keys:
            raise PatternError(role, f"no data key {key!r}", f"name a data key with ?{role}=")
    if isinstance(hints.axis, list):
        axis = Axis(axis_unit("axis", keys.unit), values=np.asarray(hints.axis))
    else:
        axis = _axis_or_file(descriptor, intensity, start, keys, files)
    needed = axis is not None and axis.unit.unit.needs_wavelength
    beam = find_beam(
        descriptor, intensity, start, keys, hints, wavelength=wavelength, needed=needed
    )
    sigma = keys.sigma or find_sigma(descriptor, intensity)
    return Layout(descriptor, intensity, axis, beam, sigma, keys.mask)


def _frame_layout(
    descriptor: Descriptor,
    intensity: str,
    start: Mapping[str, Any],
    keys: PatternKeys,
    hints: RunHints,
    wavelength: float | None,
    integrator: Integrator | None,
) -> Layout:
    key = descriptor.data_keys[intensity]
    if integrator is None:
        remedy = (
            "pass the detector's calibration with ?poni=FILE to integrate them here, "
            "or name a pattern of one dimension with ?intensity=KEY"
        )
        raise FramesError("frame", f"{intensity!r} is frames of shape {key.shape}", remedy)
    integrator.check_shape(key.shape or ())
    beam = find_beam(descriptor, intensity, start, keys, hints, wavelength=wavelength, needed=True)
    return Layout(descriptor, intensity, None, beam, integrator=integrator)


def _axis_or_file(
    descriptor: Descriptor, intensity: str, start: Mapping[str, Any], keys: PatternKeys, files: bool
) -> Axis | None:
    try:
        return find_axis(descriptor, intensity, start, keys)
    except PatternError:
        if files and keys.axis is None and descriptor.data_keys[intensity].external:
            return None
        raise


def _inside(event: Event, key: str) -> bool:
    value = event.data.get(key)
    return value is not None and not isinstance(value, str) and event.filled.get(key) is not False


def metadata(descriptor: Descriptor, event: Event) -> dict[str, Any]:
    """The event's scalars (motor positions…) and when they were read."""
    keys = descriptor.data_keys
    data = {k: v for k, v in _scalars(event.data) if k in keys and not keys[k].external}
    times = {k: v for k, v in _scalars(event.timestamps) if k in data}
    return {"stream": descriptor.name, "data": data, "timestamps": times}


def _scalars(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, str | bool | int | float):
            yield name, value
