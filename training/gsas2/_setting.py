"""The symbol and origin by which GSAS-II knows a space group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import gemmi
import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.simulation import StructureError

Operations = frozenset[tuple[int, ...]]
"""Each a rotation, row by row, and a translation in 24ths."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a crystal must be handed over."""

    symbol: str
    shift: tuple[float, float, float]
    """To add to fractional coordinates: GSAS-II knows only the origin at a centre of symmetry."""
    operations: Operations


@lru_cache(maxsize=600)
def gsas2_setting(hall: str) -> Setting:
    """Setting of the gemmi space group with `hall` symbol; shifted from origin 1 to origin 2.

    Raises StructureError where GSAS-II has no such setting.
    """
    group = gemmi.find_spacegroup_by_ops(gemmi.symops_from_hall(hall))
    if group is None:
        raise StructureError(f"Hall symbol {hall!r} is not known")
    if group.ext == "1":
        second = gemmi.find_spacegroup_by_name(f"{group.hm}:2")
        return Setting(symbol_of(second), _origin_shift(group, second), operations_of(second))
    return Setting(symbol_of(group), (0.0, 0.0, 0.0), operations_of(group))


def symbol_of(group: gemmi.SpaceGroup) -> str:
    """As GSAS-II reads it: ``P 21/c``, ``R -3 m r`` for rhombohedral axes."""
    fields = group.hm.split()
    if len(fields) == 4 and group.crystal_system() == gemmi.CrystalSystem.Monoclinic:
        turned = [field for field in fields[1:] if field != "1"]
        # Unique axis b is what a short symbol stands for; others are written out.
        fields = [fields[0], *turned] if fields[1] == "1" and fields[3] == "1" else fields
    return " ".join(fields) + (" r" if group.ext == "R" else "")


def operations_of(group: gemmi.SpaceGroup) -> Operations:
    """Every operation, centring included."""
    return frozenset(
        (*(int(v) // gemmi.Op.DEN for row in op.rot for v in row), *(int(t) % 24 for t in op.tran))
        for op in group.operations()
    )


def shifted(operations: Operations, eighths: tuple[int, ...]) -> Operations:
    """The same group after every coordinate moved by `eighths` of the axes."""
    move = 3 * np.array(eighths)
    result = set()
    for op in operations:
        rotation = np.array(op[:9]).reshape(3, 3)
        translation = (np.array(op[9:]) + move - rotation @ move) % 24
        result.add((*op[:9], *(int(t) for t in translation)))
    return frozenset(result)


def _origin_shift(first: gemmi.SpaceGroup, second: gemmi.SpaceGroup) -> tuple[float, float, float]:
    """What brings `first`'s operations to `second`'s; a few eighths of each axis."""
    own, wanted = operations_of(first), operations_of(second)
    for eighths in product(range(8), repeat=3):
        if shifted(own, eighths) == wanted:
            return eighths[0] / 8, eighths[1] / 8, eighths[2] / 8
    raise StructureError(f"no shift from {first.xhm()} to {second.xhm()}")


def operations_from_sgdata(data: dict[str, NDArray[np.float64]]) -> Operations:
    """Of GSAS-II's ``SGData``: SGOps, times the centre SGInv, times the centrings SGCen."""
    result = set()
    for rotation, translation in data["SGOps"]:
        for sign in (1, -1) if data["SGInv"] else (1,):
            for centring in data["SGCen"]:
                turned = np.rint(sign * np.asarray(rotation)).astype(int).ravel()
                moved = np.rint(24 * (sign * np.asarray(translation) + np.asarray(centring)))
                result.add((*map(int, turned), *(int(t) % 24 for t in moved)))
    return frozenset(result)
