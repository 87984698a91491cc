"""A structure in its conventional standard setting, with the way to its Niggli cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import gemmi
import numpy as np
import spglib
import spglib.error
from numpy.typing import NDArray

from alphadiffract_stream.simulation import StructureError, UnitCellContents
from alphadiffract_stream.simulation._contents import DEFAULT_U_ISO

from ._record import StructureRecord, cell_parameters


@dataclass(frozen=True, slots=True, eq=False)
class StandardCell:
    """Symmetrised contents of the conventional cell, and conventional → Niggli."""

    contents: UnitCellContents
    to_niggli: NDArray[np.float64]
    """(3, 3) M with Niggli rows = M · conventional rows; so G_niggli = M G Mᵀ for any strain."""


def standardize(record: StructureRecord, symprec: float = 0.01) -> StandardCell:
    """Idealise `record` with spglib: atoms snapped to special positions, standard setting.

    Raises StructureError when spglib finds no symmetry, an element is unknown, or the space group
    is not the one recorded.
    """
    # spglib's coming behaviour: raise instead of answering None.
    spglib.error.OLD_ERROR_HANDLING = False
    try:
        return _standardize(record, symprec)
    except spglib.error.SpglibError as error:
        raise StructureError(f"{record.identifier}: spglib: {error}") from None


def _standardize(record: StructureRecord, symprec: float) -> StandardCell:
    cell = (record.lattice, record.fractional, record.atomic_numbers)
    data = spglib.get_symmetry_dataset(cell, symprec=symprec)  # pyright: ignore[reportArgumentType]
    if data is None:
        raise StructureError(f"{record.identifier}: spglib finds no symmetry")
    if data.number != record.space_group_number:
        raise StructureError(
            f"{record.identifier}: space group {data.number}, recorded {record.space_group_number}"
        )
    conventional = np.asarray(data.std_lattice)
    standard = (conventional, data.std_positions, data.std_types)
    primitive = spglib.find_primitive(standard, symprec=symprec)  # pyright: ignore[reportArgumentType]
    niggli = None if primitive is None else spglib.niggli_reduce(primitive[0], eps=1e-5)
    if niggli is None:
        raise StructureError(f"{record.identifier}: no Niggli cell")
    group = space_group_from_hall(data.hall_number)
    species, rows, occupancy = _sites(record, data.std_types)
    return StandardCell(
        contents=UnitCellContents(
            cell=cell_parameters(conventional),
            space_group=group,
            species=species,
            fractional=np.asarray(data.std_positions)[rows],
            occupancy=occupancy,
            u_iso=_displacements(record, data)[rows],
        ),
        to_niggli=np.asarray(niggli, dtype=np.float64) @ np.linalg.inv(conventional),
    )


def _sites(
    record: StructureRecord, types: NDArray[np.int32]
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.float64]]:
    """Element, row of `types` and occupancy of each atom; a shared site gives several."""
    parts = [(row, z, share) for row, t in enumerate(types) for z, share in record.parts(int(t))]
    return (
        tuple(gemmi.Element(int(z)).name for _, z, _ in parts),
        np.array([row for row, _, _ in parts]),
        np.array([share for _, _, share in parts], dtype=np.float64),
    )


def _displacements(record: StructureRecord, data: spglib.SpglibDataset) -> NDArray[np.float64]:
    """(n,) U (Å²) of the standard cell's atoms: the mean over equal atoms of the record."""
    if record.u_iso is None:
        return np.full(len(data.std_types), DEFAULT_U_ISO)
    primitive = np.asarray(data.mapping_to_primitive)
    total = np.bincount(primitive, weights=record.u_iso)
    mean = total / np.bincount(primitive)
    return mean[np.asarray(data.std_mapping_to_primitive)]


@lru_cache(maxsize=530)
def space_group_from_hall(hall_number: int) -> gemmi.SpaceGroup:
    """gemmi's group for one of spglib's 530 settings."""
    kind = spglib.get_spacegroup_type(hall_number)
    if kind is None:
        raise StructureError(f"Hall number {hall_number} is not known")
    symbol = kind.hall_symbol
    group = gemmi.find_spacegroup_by_ops(gemmi.symops_from_hall(symbol))
    if group is None:
        raise StructureError(f"Hall symbol {symbol!r} is not known")
    return group
