"""The photon energy of an event, wherever the experiment wrote it down."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import PatternError
from ...pattern import wavelength_from_energy

_BEAM = r"(mono|monochromator|dcm|incident|photon|beam|x_?ray)"
_UNIT = r"(_kev|_ev|_a|_ang|_angstrom|_nm|_m)?"
_EXACT = re.compile(rf"({_BEAM}_)?(energy|wavelength){_UNIT}")
_LIKELY = re.compile(rf".*{_BEAM}.*(energy|wavelength){_UNIT}")
_NOT_READ_BACK = re.compile(r"set_?point|offset|_sp$|threshold|width|resolution|spread|step|target")
_PLACES = ("beam", "beamline", "instrument", "source", "xray", "x_ray", "sample", "experiment")
"""Mappings in a start document that are searched too; ``plan_args`` is not: it names scans."""

_AGREE = 1e-3
"""Relative difference up to which two statements of the wavelength are the same one."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Somebody says what the energy or wavelength is."""

    name: str
    value: Any
    units: str | None
    where: str
    """``event``, ``configuration`` or ``start``."""
    alias: str = ""
    """`name` without the name of its object, where that is the detector's own."""
    kind: str = ""
    """``energy`` or ``wavelength`` where the name need not say it."""

    @property
    def rank(self) -> int | None:
        """0 for the field's own names, 1 for likely ones, None for anything else."""
        names = [n.lower() for n in (self.name, self.alias) if n]
        if any(_NOT_READ_BACK.search(n) for n in names):
            return None
        if any(_EXACT.fullmatch(n) for n in names):
            return 0
        return 1 if any(_LIKELY.fullmatch(n) for n in names) else None

    @property
    def source(self) -> str:
        """For the record."""
        return f"{self.where}: {self.name}"

    @property
    def wavelength(self) -> float:
        """Å. Raises PatternError where the value is no positive number or its unit is unclear."""
        value, units = _value_and_units(self.name, self.value, self.units)
        label = f"{self.name} ({self.where})"
        if "wavelength" in (self.kind or self.name.lower()):
            return _angstrom(label, value, units)
        return wavelength_from_energy(_kev(label, value, units))


def best(statements: Iterable[Statement]) -> Statement | None:
    """The statement to believe; None when there is none.

    Raises PatternError when equally good ones disagree, or one cannot be understood.
    """
    ranked = [(0 if s.kind else s.rank, s) for s in statements]
    for rank in (0, 1):
        group = [s for r, s in ranked if r == rank]
        if not group:
            continue
        group.sort(key=lambda s: (len(s.name), s.name))
        first = group[0].wavelength
        for other in group[1:]:
            if not math.isclose(other.wavelength, first, rel_tol=_AGREE):
                names = " and ".join(f"{s.name} = {s.value}" for s in (group[0], other))
                remedy = "name the right one with ?energy=KEY or ?wavelength=KEY"
                raise PatternError(f"energy ({group[0].where})", f"{names} disagree", remedy)
        return group[0]
    return None


def from_start(start: Mapping[str, Any]) -> list[Statement]:
    """Statements of a start document: its own keys and those of its beam, sample, instrument…"""
    places = [start, *(p for k in _PLACES if isinstance(p := start.get(k), Mapping))]
    found = []
    for place in places:
        for name, value in place.items():
            units = place.get(f"{name}_units", place.get(f"{name}_unit"))
            found.append(Statement(str(name), value, _text(units), "start"))
    return found


def _value_and_units(name: str, value: Any, units: str | None) -> tuple[float, str | None]:
    if isinstance(value, Mapping):
        units = _text(value.get("units", value.get("unit"))) or units
        value = value.get("value")
    if isinstance(value, str) and (match := re.fullmatch(r"\s*([-+.\deE]+)\s*([^\d\s].*)?", value)):
        value, units = match[1], match[2] or units
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    try:
        if isinstance(value, bool):
            raise TypeError
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise PatternError(name, repr(value)[:80], "give one number") from None
    if not units and (match := re.search(r"_(kev|ev|a|ang|angstrom|nm|m)$", name.lower())):
        units = match[1]
    return number, units


def _kev(label: str, value: float, units: str | None) -> float:
    match (units or "").strip().lower():
        case "kev":
            return value
        case "ev":
            return value / 1000
        case "":
            # No diffraction beam is 1 keV…1 MeV wide of both readings: what could be either
            # (a soft X-ray line in eV, a very hard one in keV) is asked for.
            if 1 <= value <= 200:
                return value
            if 1000 <= value <= 200_000:
                return value / 1000
    shown = f"{value:g} {units or '(no units)'}"
    raise PatternError(label, shown, "say keV or eV in the data key's units, or energy_units")


def _angstrom(label: str, value: float, units: str | None) -> float:
    factors = {"a": 1, "å": 1, "\u212b": 1, "ang": 1, "angstrom": 1, "angstroms": 1}
    factors |= {"nm": 10, "pm": 0.01, "m": 1e10}
    word = (units or "").strip().lower()
    if word in factors and math.isfinite(value):
        return value * factors[word]
    if not word and 0.05 <= value <= 10:
        return value
    if not word and 5e-12 <= value <= 1e-9:
        return value * 1e10
    shown = f"{value:g} {units or '(no units)'}"
    raise PatternError(label, shown, "say angstrom, nm or m in the data key's units")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
