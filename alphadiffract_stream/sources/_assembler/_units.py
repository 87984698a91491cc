"""What a radial axis is called in Bluesky documents, and the unit it is in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...errors import PatternError
from ...pattern import RadialUnit
from .._formats._axis_names import Axis, axis_of_units

_ANGLE = r"(^|_)(two_?theta|2_?theta|tth|ttheta|2th|2θ)"
_NAMES = (
    (re.compile(r"(^|_)q_(inv_?)?(a|ang|angstrom)(\^?-1)?$"), RadialUnit.Q_INV_ANGSTROM),
    (re.compile(r"(^|_)q_(inv_?)?nm(\^?-1)?$"), RadialUnit.Q_INV_NM),
    (re.compile(r"(^|_)q$"), None),
    (re.compile(r"(^|_)(d|d_?spacings?)(_a|_ang|_angstrom)?$"), RadialUnit.D_ANGSTROM),
    (re.compile(_ANGLE + r"(_deg|_degrees?)?$"), RadialUnit.TWO_THETA_DEG),
    (re.compile(_ANGLE + r"_rad(ians?)?$"), RadialUnit.TWO_THETA_RAD),
    (re.compile(r"(^|_)(radial|radial_axis|axis)$"), None),
)
"""Names an axis goes by, best first (q and d need no wavelength), and the unit each implies."""
_FAMILIES = ("q", "q", "q", "d", "2th", "2th", "")
_LENGTHS = {"a": 1.0, "å": 1.0, "ang": 1.0, "angstrom": 1.0, "angstroms": 1.0, "nm": 10.0}
_REMEDY = (
    "give the data key units (deg, rad, 1/angstrom, 1/nm or angstrom), or pass ?unit= one of "
    + ", ".join(RadialUnit)
)


@dataclass(frozen=True, slots=True)
class AxisUnit:
    """Values times `scale` are in `unit`."""

    unit: RadialUnit
    scale: float = 1.0


def axis_rank(name: str) -> int | None:
    """Place of `name` among the names an axis goes by, 0 best; None for other names."""
    lowered = name.lower()
    return next((i for i, (names, _) in enumerate(_NAMES) if names.search(lowered)), None)


def axis_unit(name: str, units: str | None) -> AxisUnit:
    """Unit of the axis called `name` whose data key says `units` (``deg``, ``1/Å``, ``q_nm^-1``).

    Without units the name decides where it can: 2θ is then in degrees and d in Å, but a bare q may
    be in 1/Å or 1/nm. Raises PatternError when units and name do not settle it, or disagree.
    """
    rank = axis_rank(name)
    if units and units.strip():
        found = _length(units) or axis_of_units(units)
        if found is None or found.unit is None:
            raise PatternError(f"units of {name}", repr(units), _REMEDY)
        if rank is not None and not found.unit.value.startswith(_FAMILIES[rank]):
            raise PatternError(f"units of {name}", f"{units!r}, which is {found.unit}", _REMEDY)
        return AxisUnit(found.unit, found.scale)
    implied = None if rank is None else _NAMES[rank][1]
    if implied is None:
        raise PatternError(f"units of {name}", "not given", _REMEDY)
    return AxisUnit(implied)


def _length(units: str) -> Axis | None:
    scale = _LENGTHS.get(units.strip().lower().replace("\u212b", "å"))
    return None if scale is None else Axis(RadialUnit.D_ANGSTROM, scale)
