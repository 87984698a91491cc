"""A DIF file's crystal: its group, whether its cell fits, and whether its atoms give its peaks."""

from __future__ import annotations

import re
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.crystal import (
    SpaceGroupError,
    crystal_system_of,
    niggli_cell,
    space_group_number,
)
from alphadiffract_stream.simulation import (
    StructureError,
    integrated_intensity,
    reflections,
    unit_cell_contents,
)

from ._dif import DifAtom, DifFile
from ._rules import RruffError

TOLERANCE = 1e-3
"""Relative, of lengths and angles that symmetry makes equal (paper §5.1)."""
LARGEST = 100_000.0
"""Å³."""
SIMILAR = 0.95
"""Least cosine between the peaks listed and those of the atoms."""
NEAR = 0.05
"""° 2θ between a listed peak and its line."""
OTHER_NAMES = {"Wat": "O", "Wa": "O", "Ow": "O", "OW": "O", "Oh": "O", "OH": "O", "D": "H"}
"""Labels of AMCSD and RRUFF that begin like another element."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """Group and cell of a DIF file that passed."""

    number: int
    system: str
    group: gemmi.SpaceGroup | None
    """The setting the cell is in; None where only the number is certain."""


def lattice_of(dif: DifFile) -> Lattice:
    """Raises RruffError (``lattice``, ``system``)."""
    symbol = dif.space_group.lstrip("*").strip()
    cell = gemmi.UnitCell(*dif.cell)
    if not (np.isfinite(dif.cell).all() and min(dif.cell) > 0 and cell.volume > 0):
        raise RruffError("lattice", f"cell {dif.cell} encloses no volume")
    try:
        number = space_group_number(symbol)
    except SpaceGroupError as error:
        raise RruffError("lattice", str(error)) from None
    system = crystal_system_of(number)
    if not fits(dif.cell, system):
        raise RruffError("system", f"{dif.cell} is not {system}")
    if cell.volume >= LARGEST:
        raise RruffError("system", f"volume {cell.volume:.0f} Å³")
    return Lattice(number, system, _setting(symbol, number, dif.cell))


def _setting(symbol: str, number: int, cell: tuple[float, ...]) -> gemmi.SpaceGroup | None:
    """The setting a short symbol means for this cell: its angles tell axes and unique axis."""
    short = symbol.replace("_", "").replace(" ", "")
    letter, rest = short[:1], short[1:]
    names = [short, f"{letter} 1 {rest} 1"]
    names += [f"{letter} 1 1 {rest}"] if abs(cell[5] - 90) > abs(cell[4] - 90) else []
    names += [f"{letter} {rest} 1 1"] if abs(cell[3] - 90) > abs(cell[4] - 90) else []
    for name in reversed(names):
        group = gemmi.find_spacegroup_by_name(name, cell[3], cell[5])
        if group is not None and group.number == number:
            return group
    return gemmi.find_spacegroup_by_number(number) if number >= 195 else None


def fits(cell: tuple[float, ...], system: str) -> bool:
    """Whether lengths and angles are equal, 90° or 120° as `system` wants, in any setting."""
    a, b, c, *angles = cell

    def equal(x: float, y: float) -> bool:
        return abs(x - y) <= TOLERANCE * max(abs(x), abs(y))

    right = [equal(angle, 90) for angle in angles]
    hexagonal = equal(a, b) and right[0] and right[1] and equal(angles[2], 120)
    one_angle = equal(angles[0], angles[1]) and equal(angles[0], angles[2])
    rhombohedral = equal(a, b) and equal(a, c) and one_angle
    return {
        "triclinic": True,
        "monoclinic": sum(right) >= 2,
        "orthorhombic": all(right),
        "tetragonal": all(right) and (equal(a, b) or equal(b, c) or equal(a, c)),
        "trigonal": hexagonal or rhombohedral,
        "hexagonal": hexagonal,
        "cubic": all(right) and equal(a, b) and equal(a, c),
    }[system]


def niggli_of(dif: DifFile, lattice: Lattice) -> tuple[float, ...]:
    """Niggli cell by the atoms, once those have given the peaks the file lists.

    The origin is that of the two which gives them. Raises RruffError (``no atoms``, ``peaks``).
    """
    if lattice.group is None:
        raise RruffError("no atoms", f"{dif.space_group}: setting not known")
    if dif.atoms is None:
        raise RruffError("no atoms", "no table of atoms")
    similar = {g.xhm(): _similarity(dif, g) for g in _origins(lattice.group)}
    best = max(similar, key=lambda name: similar[name])
    if similar[best] < SIMILAR:
        raise RruffError("peaks", f"similarity {similar[best]:.3f} at best, in {best}")
    group = lattice.group
    centring = "P" if group.ext == "R" else group.centring_type()
    return niggli_cell(dif.cell, centring)


def _origins(group: gemmi.SpaceGroup) -> list[gemmi.SpaceGroup]:
    others = [gemmi.find_spacegroup_by_name(f"{group.hm}:{choice}") for choice in "12"]
    return [g for g in others if g is not None] or [group]


def _similarity(dif: DifFile, group: gemmi.SpaceGroup) -> float:
    """Cosine between listed intensities and those of the atoms at the same angles, 0…1."""
    try:
        contents = unit_cell_contents(_structure(dif, group), name=dif.name)
        first, last = dif.peaks[:, 0].min(), min(dif.peaks[:, 0].max(), 179.0)
        d_max, d_min = (
            dif.wavelength / 2 / np.sin(np.radians(angle / 2))
            for angle in (first - 0.1, last + 0.1)
        )
        table = reflections(contents, d_min, d_max, energy=12.398419843 / dif.wavelength)
    except StructureError as error:
        raise RruffError("no atoms", str(error)) from None
    two_theta = 2 * np.degrees(np.arcsin(dif.wavelength / 2 / table.d))
    intensity = integrated_intensity(table, two_theta, 0.5)
    return _cosine(two_theta, intensity, dif.peaks[:, 0], dif.peaks[:, 1])


def _cosine(
    two_theta: NDArray[np.float64],
    intensity: NDArray[np.float64],
    listed: NDArray[np.float64],
    height: NDArray[np.float64],
) -> float:
    """Lines and peaks closer than `NEAR` count as one; what has no partner counts against."""
    places = np.sort(np.concatenate([two_theta, listed]))
    edges = places[np.flatnonzero(np.diff(places) > NEAR)] + NEAR / 2
    own = np.bincount(np.searchsorted(edges, two_theta), intensity, len(edges) + 1)
    theirs = np.bincount(np.searchsorted(edges, listed), height, len(edges) + 1)
    norm = np.linalg.norm(own) * np.linalg.norm(theirs)
    return float(own @ theirs / norm) if norm > 0 else 0.0


def _structure(dif: DifFile, group: gemmi.SpaceGroup) -> gemmi.SmallStructure:
    structure = gemmi.SmallStructure()
    structure.name = dif.name
    structure.cell = gemmi.UnitCell(*dif.cell)
    structure.spacegroup = group
    for atom in dif.atoms or ():
        site = gemmi.SmallStructure.Site()
        site.label = atom.label
        site.type_symbol = element_of(atom)
        site.element = gemmi.Element(site.type_symbol)
        site.fract = gemmi.Fractional(*atom.position)
        site.occ = atom.occupancy
        site.u_iso = (atom.b_iso or 0.0) / (8 * np.pi**2)
        structure.add_site(site)
    return structure


def element_of(atom: DifAtom) -> str:
    """Element of labels like ``CaM4``, ``SiT1``, ``Wat``. Raises RruffError (``no atoms``)."""
    letters = re.match(r"[A-Za-z]+", atom.label)
    word = letters[0] if letters else ""
    for begin in (word, word[:3], word[:2]):
        if begin in OTHER_NAMES:
            return OTHER_NAMES[begin]
    for begin in (word[:2], word[:1]):
        if begin == begin.capitalize() and gemmi.Element(begin).atomic_number > 0:
            return begin
    raise RruffError("no atoms", f"unknown atom {atom.label!r}")
