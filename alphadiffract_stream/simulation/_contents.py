"""Every atom of one unit cell: what structure factors are summed over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from ..errors import AlphaDiffractError
from ._site_labels import small_structure

DEFAULT_U_ISO = 0.01
"""Å²; GSAS-II's default, used where a structure names no displacement."""
SNAP = 0.02
"""Å; how far an atom may lie from the special position it is meant to be on."""


class StructureError(AlphaDiffractError, ValueError):
    """A structure that cannot be turned into reflections; says which and why."""


@dataclass(frozen=True, slots=True, eq=False)
class UnitCellContents:
    """All n atoms of a cell (special positions once), with the space group that made them."""

    cell: tuple[float, float, float, float, float, float]
    """a b c (Å) α β γ (°), in the setting of `space_group`."""
    space_group: gemmi.SpaceGroup
    species: tuple[str, ...]
    """(n,) element with charge where known: ``Ca``, ``O2-``."""
    fractional: NDArray[np.float64]
    """(n, 3)."""
    occupancy: NDArray[np.float64]
    """(n,) 0…1, per atom."""
    u_iso: NDArray[np.float64]
    """(n,) Å²; U_equivalent where anisotropic."""
    u_star: NDArray[np.float64] | None = None
    """(n, 3, 3) dimensionless U*, the exponent being −2π² hᵀU*h; None when all are isotropic."""


def read_cif(path: Path | str) -> UnitCellContents:
    """Contents of the first block with atoms of a CIF. Raises StructureError."""
    try:
        document = gemmi.cif.read(str(path))
    except (ValueError, RuntimeError, OSError) as error:
        raise StructureError(f"{path}: not a readable CIF ({error})") from None
    for block in document:
        structure = small_structure(block)
        if structure.sites:
            return unit_cell_contents(structure, name=str(path))
    raise StructureError(f"{path}: no atom sites")


def unit_cell_contents(structure: gemmi.SmallStructure, name: str = "") -> UnitCellContents:
    """Expand the asymmetric unit of a gemmi structure over its space group.

    Atoms on special positions are kept once with their crystallographic occupancy: the number
    gemmi sums to the full site. Raises StructureError without a space group, for an unknown
    element or an impossible cell.
    """
    name = name or structure.name
    if structure.spacegroup is None:
        structure.determine_and_set_spacegroup("S.H2")
    if structure.spacegroup is None:
        raise StructureError(f"{name}: space group {structure.spacegroup_hm!r} is not known")
    if not structure.cell.is_crystal() or not structure.cell.volume > 0:
        raise StructureError(f"{name}: impossible cell {structure.cell.parameters}")
    unknown = sorted({s.type_symbol or s.label for s in structure.sites if _atomic_number(s) == 0})
    if unknown:
        raise StructureError(f"{name}: unknown element {', '.join(unknown)}")
    cell = structure.cell
    orbits = [
        orbit(np.array(site.fract.tolist()), structure.spacegroup, cell) for site in structure.sites
    ]
    counts = [len(positions) for positions, _ in orbits]
    u_star = None
    if any(site.aniso.nonzero() for site in structure.sites):
        u_star = np.concatenate(
            [
                rotations @ _u_star(site, cell) @ rotations.transpose(0, 2, 1)
                for site, (_, rotations) in zip(structure.sites, orbits, strict=True)
            ]
        )
    return UnitCellContents(
        cell=tuple(cell.parameters),
        space_group=structure.spacegroup,
        species=tuple(
            _species(s) for s, n in zip(structure.sites, counts, strict=True) for _ in range(n)
        ),
        fractional=np.concatenate([positions for positions, _ in orbits]),
        occupancy=np.repeat([s.occ for s in structure.sites], counts),
        u_iso=np.repeat([_u_equivalent(s, cell) for s in structure.sites], counts),
        u_star=u_star,
    )


def orbit(
    position: NDArray[np.float64], group: gemmi.SpaceGroup, cell: gemmi.UnitCell
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distinct images (m, 3) of a fractional position and the rotations (m, 3, 3) that made them.

    A position within `SNAP` of a special one is moved onto it: |F|² wants 1e-5 there, and files
    give 1/3 as 0.333.
    """
    operations = list(group.operations())
    rotations = np.array([op.rot for op in operations]) / gemmi.Op.DEN
    shifts = np.array([op.tran for op in operations]) / gemmi.Op.DEN
    metric = np.array(cell.orth.mat.tolist())
    images = rotations @ position + shifts
    offset = images - position
    offset -= np.round(offset)
    stabilizer = np.linalg.norm(offset @ metric.T, axis=1) < SNAP
    snapped = position + offset[stabilizer].mean(axis=0)
    images = (rotations @ snapped + shifts) % 1.0
    key = np.round(images * 1e6).astype(np.int64) % 1_000_000
    _, first = np.unique(key, axis=0, return_index=True)
    return images[first], rotations[first]


def _atomic_number(site: gemmi.SmallStructure.Site) -> int:
    return site.element.atomic_number


def _species(site: gemmi.SmallStructure.Site) -> str:
    if site.charge == 0:
        return site.element.name
    return f"{site.element.name}{abs(site.charge)}{'+' if site.charge > 0 else '-'}"


def _u_star(site: gemmi.SmallStructure.Site, cell: gemmi.UnitCell) -> NDArray[np.float64]:
    """U* = diag(a*, b*, c*) U_cif diag(a*, b*, c*), or of the equal isotropic ellipsoid."""
    reciprocal = cell.reciprocal()
    if site.aniso.nonzero():
        star = np.diag(reciprocal.parameters[:3])
        return star @ np.array(site.aniso.as_mat33().tolist()) @ star
    fractionalization = np.array(cell.frac.mat.tolist())
    return _u_equivalent(site, cell) * fractionalization @ fractionalization.T


def _u_equivalent(site: gemmi.SmallStructure.Site, cell: gemmi.UnitCell) -> float:
    """tr(U_cart) / 3 of an anisotropic site, else U_iso, else GSAS-II's default."""
    if site.aniso.nonzero():
        basis = np.array(cell.orth.mat.tolist())
        return float(np.trace(basis @ _u_star(site, cell) @ basis.T) / 3)
    return site.u_iso if site.u_iso > 0 else DEFAULT_U_ISO
