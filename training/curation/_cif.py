"""CIF text → structure records; shared and partly empty sites kept as the file has them."""

from __future__ import annotations

from collections.abc import Iterator

import gemmi
import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.simulation import (
    StructureError,
    UnitCellContents,
    small_structure,
    unit_cell_contents,
)

from ..structures import FIRST_MIXTURE, Mixture, StructureRecord, lattice_vectors

SAME_SITE = 0.02
"""Å; atoms nearer than that share a site where their occupancies allow."""
FULL = 0.999
"""Occupancies are written to two or three digits."""


def records_of_cif(text: str, name: str) -> Iterator[StructureRecord | StructureError]:
    """Each block with atoms, or why it is none: one bad block does not spoil the others.

    Named `name`, or `name`#block where there are several.
    """
    try:
        document = gemmi.cif.read_string(text)
    except (ValueError, RuntimeError) as error:
        yield StructureError(f"not a readable CIF ({str(error).strip()})")
        return
    blocks = [b for b in document if b.find_values("_atom_site_fract_x")]
    if not blocks:
        yield StructureError("no atom sites")
    for block in blocks:
        label = name if len(blocks) == 1 else f"{name}#{block.name}"
        try:
            structure = small_structure(block)
            if not np.isfinite([site.fract.tolist() for site in structure.sites]).all():
                raise StructureError("a coordinate is not a number")
            yield record_of(unit_cell_contents(structure, name=label), label)
        except StructureError as error:
            yield StructureError(str(error).removeprefix(f"{label}: "))
        except (ValueError, RuntimeError) as error:
            yield StructureError(f"not a readable structure ({error})")


def record_of(contents: UnitCellContents, name: str) -> StructureRecord:
    """All sites of the cell; elements that share one become one site."""
    lattice = lattice_vectors(list(contents.cell))
    numbers = np.array([_atomic_number(s) for s in contents.species], dtype=np.int32)
    leader = np.arange(len(numbers))
    if (contents.occupancy < FULL).any():
        leader = _shared_sites(contents.fractional, lattice)
    sites = np.unique(leader)
    kinds: dict[Mixture, int] = {}
    site_numbers = []
    for site in sites:
        atoms = np.flatnonzero(leader == site)
        mixture = _mixture(numbers[atoms], contents.occupancy[atoms])
        if len(mixture) == 1 and mixture[0][1] >= FULL:
            site_numbers.append(mixture[0][0])
        else:
            site_numbers.append(kinds.setdefault(mixture, FIRST_MIXTURE + len(kinds)))
    return StructureRecord(
        identifier=name,
        formula=_formula(numbers, contents.occupancy),
        space_group_number=contents.space_group.number,
        space_group_number_tight=contents.space_group.number,
        lattice=lattice,
        fractional=contents.fractional[sites],
        atomic_numbers=np.array(site_numbers, dtype=np.int32),
        mixtures=tuple(kinds),
        u_iso=contents.u_iso[sites],
    )


def _shared_sites(
    fractional: NDArray[np.float64], lattice: NDArray[np.float64]
) -> NDArray[np.int64]:
    """(n,) index of the first atom that lies where each does."""
    leader = np.arange(len(fractional))
    for i in range(len(fractional)):
        if leader[i] == i:
            offset = fractional[i + 1 :] - fractional[i]
            distance = np.linalg.norm((offset - offset.round()) @ lattice, axis=1)
            leader[i + 1 :][distance < SAME_SITE] = i
    return leader


def _mixture(numbers: NDArray[np.int32], occupancy: NDArray[np.float64]) -> Mixture:
    elements = np.unique(numbers)
    shares = [float(occupancy[numbers == z].sum().round(4)) for z in elements]
    return tuple((int(z), share) for z, share in zip(elements, shares, strict=True))


def _formula(numbers: NDArray[np.int32], occupancy: NDArray[np.float64]) -> str:
    """Of the cell, elements by symbol."""
    amounts = {
        gemmi.Element(int(z)).name: float(occupancy[numbers == z].sum()) for z in np.unique(numbers)
    }
    return "".join(f"{symbol}{round(n, 2):g}" for symbol, n in sorted(amounts.items()))


def _atomic_number(species: str) -> int:
    return gemmi.Element(species.rstrip("0123456789+-")).atomic_number
