"""Where the photon energy of a stream is: the run's own word, events, set-up, operator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import PatternError
from ...pattern import HC_KEV_ANGSTROM
from ._keys import PatternKeys, RunHints
from ._photon_energy import Statement, best, from_start
from ._raw_documents import Descriptor, Event


@dataclass(frozen=True, slots=True)
class Beam:
    """What to read the wavelength from, event by event."""

    needed: bool
    """Whether the axis says nothing without it (2θ); else doubts are not worth a refusal."""
    wavelength: float | None = None
    """Å, of the whole stream, where no event says it."""
    source: str = ""
    event_keys: tuple[Statement, ...] = ()
    """Event keys that may say it; their values are still to be read."""

    def of(self, event: Event) -> tuple[float | None, str]:
        """Wavelength (Å) and its source. Raises PatternError when it is needed and in doubt."""
        said = [
            Statement(s.name, event.data[s.name], s.units, s.where, s.alias, s.kind)
            for s in self.event_keys
            if s.name in event.data
        ]
        return _believe(said, self.needed) or (self.wavelength, self.source)


def find_beam(
    descriptor: Descriptor,
    intensity: str,
    start: Mapping[str, Any],
    keys: PatternKeys,
    hints: RunHints,
    *,
    wavelength: float | None,
    needed: bool,
) -> Beam:
    """In this order: the run's ``alphadiffract``, the key the operator named, the events, the
    descriptor's configuration, the start document, the operator's `wavelength` (Å).

    Raises PatternError when it is needed and what is said cannot be understood.
    """
    if hints.wavelength is not None:
        return Beam(needed, hints.wavelength, "start: alphadiffract.wavelength")
    if hints.energy_kev is not None:
        energy = HC_KEV_ANGSTROM / hints.energy_kev
        return Beam(needed, energy, "start: alphadiffract.energy_kev")
    event_keys = list(_event_keys(descriptor, intensity))
    configured = list(_configured(descriptor, intensity))
    started = from_start(start)
    if name := keys.energy or keys.wavelength:
        kind = "energy" if keys.energy else "wavelength"
        event_keys, configured, started = (
            [_named(s, kind) for s in group if s.name == name]
            for group in (_all_event_keys(descriptor), configured, started)
        )
        if not (event_keys or configured or started):
            value = f"no {name!r} in event, configuration or start"
            raise PatternError(kind, value, f"?{kind}= must name what holds it")
    usual = _believe(configured, needed) or _believe(started, needed)
    if usual is None:
        usual = (wavelength, "" if wavelength is None else "operator")
    return Beam(needed, *usual, tuple(event_keys))


def _believe(statements: Iterable[Statement], needed: bool) -> tuple[float, str] | None:
    try:
        found = best(statements)
        return None if found is None else (found.wavelength, found.source)
    except PatternError:
        if needed:
            raise
        return None


def _named(statement: Statement, kind: str) -> Statement:
    s = statement
    return Statement(s.name, s.value, s.units, s.where, s.alias, kind)


def _all_event_keys(descriptor: Descriptor) -> Iterator[Statement]:
    for name, key in descriptor.data_keys.items():
        yield Statement(name, None, key.units, "event")


def _event_keys(descriptor: Descriptor, intensity: str) -> Iterator[Statement]:
    home = descriptor.object_of(intensity)
    for name, key in descriptor.data_keys.items():
        if key.dtype in ("number", "integer"):
            alias = _without_object(name, home if descriptor.object_of(name) == home else None)
            statement = Statement(name, None, key.units, "event", alias)
            if statement.rank is not None:
                yield statement


def _configured(descriptor: Descriptor, intensity: str) -> Iterator[Statement]:
    home = descriptor.object_of(intensity)
    for obj, configuration in descriptor.configuration.items():
        for name, value in configuration.data.items():
            key = configuration.data_keys.get(name)
            alias = _without_object(name, obj if obj == home else None)
            units = key.units if key else None
            yield Statement(name, value, units, "configuration", alias)


def _without_object(name: str, obj: str | None) -> str:
    return name.removeprefix(f"{obj}_") if obj else ""
