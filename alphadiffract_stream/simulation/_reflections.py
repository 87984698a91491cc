"""Reflections of a crystal: hkl, d, multiplicity and |F|², independent of the instrument."""

from __future__ import annotations

from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray

from ._contents import UnitCellContents
from ._form_factors import anomalous, form_factor

CANONICAL_ENERGY = 20.0
"""keV at which f′ and f″ are taken unless told otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class Reflections:
    """Symmetry-unique reflections of one crystal, longest d first."""

    hkl: NDArray[np.int32]
    """(n, 3)."""
    d: NDArray[np.float64]
    """(n,) Å."""
    multiplicity: NDArray[np.int32]
    """(n,) equivalents, Friedel mates included."""
    f_squared: NDArray[np.float64]
    """(n,) |F|², electrons², of the whole conventional cell."""
    cell: tuple[float, float, float, float, float, float]
    volume: float
    """Å³."""
    space_group_number: int

    def __len__(self) -> int:
        return len(self.d)


def reflections(
    contents: UnitCellContents, d_min: float, d_max: float, *, energy: float = CANONICAL_ENERGY
) -> Reflections:
    """All reflections with d_min < d < d_max (Å); systematic absences left out.

    |F|² with IT92 form factors, f′ + i f″ at `energy` keV and isotropic displacement.
    """
    cell = gemmi.UnitCell(*contents.cell)
    hkl = gemmi.make_miller_array(cell, contents.space_group, d_min, 0.0, True)
    d = cell.calculate_d_array(hkl) if len(hkl) else np.empty(0)
    keep = (d > d_min) & (d < d_max)
    order = np.flatnonzero(keep)[np.argsort(-d[keep], kind="stable")]
    d = d[order]
    hkl, multiplicity = _representatives(hkl[order], contents.space_group)
    return Reflections(
        hkl=hkl,
        d=d,
        multiplicity=multiplicity,
        f_squared=structure_factor_squared(contents, hkl, d, energy=energy),
        cell=contents.cell,
        volume=cell.volume,
        space_group_number=contents.space_group.number,
    )


def structure_factor_squared(
    contents: UnitCellContents,
    hkl: NDArray[np.int32],
    d: NDArray[np.float64],
    *,
    energy: float = CANONICAL_ENERGY,
) -> NDArray[np.float64]:
    """|F(hkl)|² (n,), the direct sum over every atom of the cell. `d` (n,) in Å.

    The f″ of acentric crystals makes |F(hkl)|² ≠ |F(−h−k−l)|²; as in GSAS-II the given hkl
    stands for both.
    """
    stol2 = 0.25 / d**2
    total = np.zeros(len(d), dtype=complex)
    species = np.array(contents.species)
    for name in dict.fromkeys(contents.species):
        these = species == name
        phase = 2 * np.pi * (hkl @ contents.fractional[these].T)
        weight = contents.occupancy[these] * _displacement(contents, these, hkl, stol2)
        geometric = (np.exp(1j * phase) * weight).sum(axis=1)
        f_prime, f_second = anomalous(name, energy)
        total += (form_factor(name, stol2) + f_prime + 1j * f_second) * geometric
    return np.abs(total) ** 2


def _displacement(
    contents: UnitCellContents,
    these: NDArray[np.bool_],
    hkl: NDArray[np.int32],
    stol2: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Debye–Waller factors, (n, atoms) or (n, 1) where all atoms move alike."""
    if contents.u_star is not None:
        return np.exp(-2 * np.pi**2 * np.einsum("ni,aij,nj->na", hkl, contents.u_star[these], hkl))
    u_iso = contents.u_iso[these]
    if np.all(u_iso == u_iso[0]):
        u_iso = u_iso[:1]
    return np.exp(-8 * np.pi**2 * np.multiply.outer(stol2, u_iso))


def _representatives(
    hkl: NDArray[np.int32], group: gemmi.SpaceGroup
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Of each reflection's distinct ±h·R the one GSAS-II lists, and how many.

    That is one with h, k ≥ 0 where there is any (k > 0 in Laue classes 4/m and 6/m), and then
    the lexicographically largest. It matters where Friedel's law fails: in P 3₂ 2 1, 110 is as
    strong as −210, but not as 2−10.
    """
    rotations = np.array([op.rot for op in group.operations().sym_ops]) // gemmi.Op.DEN
    images = np.einsum("ni,mij->nmj", hkl, rotations).astype(np.int64)
    images = np.concatenate([images, -images], axis=1)
    half = int(np.abs(images).max(initial=0))
    span = 2 * half + 1
    code = ((images[..., 0] * span) + images[..., 1]) * span + images[..., 2]
    least_k = 1 if group.laue_str() in ("4/m", "6/m") else 0
    positive = (images[..., 0] >= 0) & (images[..., 1] >= least_k)
    rank = code + positive * span**3
    best = np.take_along_axis(images, rank.argmax(axis=1)[:, None, None], axis=1)[:, 0]
    count = 1 + (np.diff(np.sort(code, axis=1), axis=1) != 0).sum(axis=1)
    return best.astype(np.int32), count.astype(np.int32)
