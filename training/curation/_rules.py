"""The rules, in the order they are applied; an entry is counted at the first it breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import spglib.error

from ._analysis import Analysis, Tolerances

HEAVIEST = 98
"""The last element with a tabulated form factor: californium."""
OVERFULL = 1.05
"""Occupancies are rounded."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Why a rule is broken, in words without figures so that equal ones count together."""

    reason: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """One named condition."""

    name: str
    wanted: str
    """What passes, for the table."""
    check: Callable[[Analysis], Broken | None]


READABLE = Rule("readable", "a crystal with a cell, known elements and coordinates", lambda _: None)
"""What cannot be read has nothing to be analysed: it is counted here by those who read."""


def rules(tolerances: Tolerances) -> tuple[Rule, ...]:
    """Those of `tolerances`, cheapest first where the paper leaves the order open."""
    t = tolerances
    ordered = (Rule("ordered", "no shared or partly empty site", _ordered),)
    return (
        READABLE,
        Rule("scattering", f"form factors known: atomic numbers 1 to {HEAVIEST}", _scattering),
        Rule("occupancy", f"no site filled more than {OVERFULL:.2f} times", _occupancy),
        *(ordered if t.ordered_only else ()),
        Rule("atoms", f"at most {t.atoms} sites in the cell as given", _atoms),
        Rule("symmetry", f"spglib finds a space group at {t.symprec[0]:g} Å", _symmetry),
        Rule(
            "space group",
            f"the same for {t.symprec[0]:g}…{t.symprec[1]:g} Å and {t.angle[0]:g}…{t.angle[1]:g}°",
            _space_group,
        ),
        Rule(
            "Niggli cell",
            f"as the crystal system wants it, to {t.niggli:g} of each length and angle",
            _niggli,
        ),
        Rule("volume", f"below {t.volume:,.0f} Å³ in the conventional cell", _volume),
    )


def _scattering(case: Analysis) -> Broken | None:
    elements = {z for n in np.unique(case.record.atomic_numbers) for z, _ in case.record.parts(n)}
    odd = sorted(int(z) for z in elements if not 1 <= z <= HEAVIEST)
    return Broken("an element without form factor", {"atomic_numbers": odd}) if odd else None


def _occupancy(case: Analysis) -> Broken | None:
    worst = max((sum(o for _, o in mixture) for mixture in case.record.mixtures), default=1.0)
    least = min((o for mixture in case.record.mixtures for _, o in mixture), default=1.0)
    if worst > OVERFULL or least < 0:
        return Broken("an occupancy above 1 or below 0", {"site_total": worst, "least": least})
    return None


def _ordered(case: Analysis) -> Broken | None:
    if case.record.mixtures:
        return Broken("shared or partly empty sites", {"kinds": len(case.record.mixtures)})
    return None


def _atoms(case: Analysis) -> Broken | None:
    count = len(case.record.atomic_numbers)
    return Broken("too many atoms", {"atoms": count}) if count > case.tolerances.atoms else None


def _symmetry(case: Analysis) -> Broken | None:
    try:
        _ = case.tightest
    except spglib.error.SpglibError as error:
        return Broken("no symmetry found", {"spglib": str(error)})
    return None


def _space_group(case: Analysis) -> Broken | None:
    if len(set(case.groups.values())) == 1:
        return None
    found = {f"{symprec:g} Å, {angle:g}°": n for (symprec, angle), n in case.groups.items()}
    return Broken("the space group depends on the tolerance", found)


def _niggli(case: Analysis) -> Broken | None:
    if case.niggli is None:
        return Broken("the Niggli reduction does not end", {})
    own, ideal = case.niggli
    deviation = max(abs(a / b - 1) for a, b in zip(own, ideal, strict=True))
    if deviation <= case.tolerances.niggli:
        return None
    cells = {"niggli": [round(v, 4) for v in own], "ideal": [round(v, 4) for v in ideal]}
    return Broken("the Niggli cell does not fit the crystal system", cells)


def _volume(case: Analysis) -> Broken | None:
    volume = float(abs(np.linalg.det(case.conventional)))
    if volume < case.tolerances.volume:
        return None
    return Broken("the cell is too large", {"volume": round(volume, 1)})
