"""One structure → its reflections, by an engine of choice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Literal

import numpy as np

from alphadiffract_stream.pattern import wavelength_from_energy
from alphadiffract_stream.simulation import (
    Reflections,
    StructureError,
    UnitCellContents,
    reflections,
)

from ..reflections import ReflectionStore, is_theoretical
from ._record import StructureRecord
from ._standardize import standardize

WAVELENGTH = wavelength_from_energy(20.0)
STRAIN_MARGIN = 0.04
"""Reflections are kept a little beyond 5…20° so that a strained cell lacks none at the edge."""
D_MIN = WAVELENGTH / (2 * np.sin(np.radians(10.0))) * (1 - STRAIN_MARGIN)
D_MAX = WAVELENGTH / (2 * np.sin(np.radians(2.5))) * (1 + STRAIN_MARGIN)
MAX_ATOMS = 500
MAX_VOLUME = 100_000.0
HEAVIEST = 98
"""Californium: the last element of the form factor tables."""
WEAKEST = 1e-5
"""Of the strongest reflection's intensity; weaker ones are left out."""


ReflectionEngine = Literal["builtin", "gsas2"]
Reflector = Callable[[UnitCellContents, float, float], Reflections]
"""Contents, d_min and d_max (Å) to reflections with d_min < d < d_max."""


def reflector(engine: ReflectionEngine) -> Reflector:
    """What computes reflections: this package's own simulation, or GSAS-II.

    Raises ValueError for another name, ImportError naming the remedy without GSAS-II.
    """
    if engine == "builtin":
        return reflections
    if engine == "gsas2":
        from ..gsas2 import calculator

        return calculator().reflections
    raise ValueError(f"engine: {engine!r} is not one of builtin, gsas2")


def tabulate(record: StructureRecord, engine: ReflectionEngine = "builtin") -> ReflectionStore:
    """Reflections of one structure, by the paper's §5.1 rules. Raises StructureError."""
    if record.space_group_number != record.space_group_number_tight:
        raise StructureError("space group differs between tolerances 0.01 and 0.1 Å")
    if len(record.atomic_numbers) > MAX_ATOMS:
        raise StructureError(f"more than {MAX_ATOMS} atoms")
    _check_elements(record)
    standard = standardize(record)
    table = reflector(engine)(standard.contents, D_MIN, D_MAX)
    if table.volume >= MAX_VOLUME:
        raise StructureError(f"volume above {MAX_VOLUME:.0f} Å³")
    strength = table.multiplicity * table.f_squared / table.volume**2
    # Lorentz weight ~ d² over this range: what is weak on the detector, not in |F|².
    on_detector = strength * table.d**2
    keep = on_detector > WEAKEST * on_detector.max(initial=0)
    if not keep.any():
        raise StructureError("no reflections in range")
    if np.abs(table.hkl[keep]).max() > 127:
        raise StructureError("indices above 127")
    family = hashlib.blake2b(record.family.encode(), digest_size=8).digest()
    return ReflectionStore(
        identifier=np.array([record.identifier]),
        family=np.array([int.from_bytes(family, "little")], dtype=np.uint64),
        space_group_number=np.array([record.space_group_number], dtype=np.uint8),
        cell=np.array([standard.contents.cell], dtype=np.float32),
        to_niggli=standard.to_niggli[None].astype(np.float32),
        offsets=np.array([0, keep.sum()]),
        hkl=table.hkl[keep].astype(np.int8),
        strength=strength[keep].astype(np.float32),
        theoretical=np.array([record.theoretical])
        if record.theoretical is not None
        else is_theoretical([record.identifier]),
    )


def _check_elements(record: StructureRecord) -> None:
    """Every element has form factors: hydrogen to californium."""
    numbers = {z for number in np.unique(record.atomic_numbers) for z, _ in record.parts(number)}
    unknown = sorted(int(z) for z in numbers if not 1 <= z <= HEAVIEST)
    if unknown:
        raise StructureError(f"unknown element: atomic number {', '.join(map(str, unknown))}")
