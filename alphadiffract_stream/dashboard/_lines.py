"""Lines a space group allows on a cell: where ticks stand below a pattern."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import gemmi
import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

MOST_LINES = 600
"""Beyond it ticks are a solid bar and say nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Symmetry-unique reflections, longest d first."""

    hkl: NDArray[np.int32]
    """(n, 3)."""
    d: Array
    """(n,) Å."""

    def __len__(self) -> int:
        return len(self.d)


def allowed_lines(
    cell: ArrayLike, space_group_number: int, d_min: float, d_max: float, setting: str = ""
) -> Lines:
    """Reflections with d_min < d < d_max (Å) that the space group does not extinguish.

    cell: conventional, a b c (Å) α β γ (°). setting: Hermann–Mauguin symbol of the axes `cell` is
    on. Without it a line is kept where any setting of the group allows it, for a predicted cell
    does not say which axis is which (its lengths are sorted). None for a cell that is none or
    gives more than `MOST_LINES`.
    """
    six = [float(x) for x in np.asarray(cell, dtype=float)]
    empty = Lines(np.empty((0, 3), np.int32), np.empty(0))
    if not (np.isfinite(six).all() and min(six) > 0 and space_group_number):
        return empty
    unit_cell = gemmi.UnitCell(*six)
    # All of reciprocal space holds 4/3 π V / d³ points; lines of the lowest symmetry are half.
    if not 1.0 < unit_cell.volume < 40 * MOST_LINES * d_min**3:
        return empty
    groups = [gemmi.SpaceGroup(setting)] if setting else settings_of(space_group_number)
    found: dict[tuple[int, int, int], float] = {}
    for group in groups:
        for hkl in gemmi.make_miller_array(unit_cell, group, d_min, d_max, True).tolist():
            found[tuple(hkl)] = unit_cell.calculate_d(hkl)
    if not found:
        return empty
    hkl = np.array(list(found), np.int32)
    d = np.array(list(found.values()))
    keep = np.flatnonzero((d > d_min) & (d < d_max))
    order = keep[np.argsort(-d[keep], kind="stable")]
    # Different settings name equivalents of one line differently.
    distinct = order[np.append(True, np.abs(np.diff(d[order])) > 1e-7)] if len(order) else order
    return Lines(hkl[distinct], d[distinct]) if len(distinct) <= MOST_LINES else empty


@lru_cache(maxsize=230)
def settings_of(number: int) -> list[gemmi.SpaceGroup]:
    """Settings whose axes a predicted conventional cell may be on.

    Every one that differs by the order of axes or, for monoclinic, by the cell chosen about b;
    rhombohedral on hexagonal axes.
    """
    standard = gemmi.find_spacegroup_by_number(number)
    if number >= 75 or number <= 2:
        if standard.hm.startswith("R"):
            return [gemmi.find_spacegroup_by_name(f"{standard.hm}:H")]
        return [standard]
    same = [g for g in gemmi.spacegroup_table() if g.number == number]
    if number <= 15:
        same = [g for g in same if "b" in g.qualifier]
    distinct: dict[frozenset[str], gemmi.SpaceGroup] = {}
    for group in same:
        distinct.setdefault(_extinctions(group), group)
    return list(distinct.values()) or [standard]


def _extinctions(group: gemmi.SpaceGroup) -> frozenset[str]:
    """What it extinguishes, as far as indices up to 4 tell it from another setting."""
    operations = group.operations()
    span = range(-2, 5)
    return frozenset(
        f"{h} {k} {l}"
        for h in span
        for k in span
        for l in span  # noqa: E741 - hkl
        if operations.is_systematically_absent([h, k, l])
    )
