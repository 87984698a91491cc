"""What GSAS-II does silently, said aloud: each raises StructureError with what it took instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.simulation import StructureError

from ._setting import Setting, operations_from_sgdata


def check_symmetry(sg_data: dict[str, Any], setting: Setting) -> None:
    """The operations are those asked for.

    A symbol that GSAS-II cannot read becomes P 1, a number in a file goes before the symbol, and
    some origin shifts are wrong or missing: whatever the cause, the operations differ.
    """
    if operations_from_sgdata(sg_data) != setting.operations:
        raise StructureError(
            f"GSAS-II reads {setting.symbol!r} as {str(sg_data['SpGrp']).strip()!r} "
            "with other operations"
        )


def check_atoms(
    atoms: Sequence[Sequence[Any]],
    pointers: Sequence[int],
    asked: Sequence[str],
    cell_contents: Counter[str],
) -> None:
    """Every atom has the type asked for (unknown ones become H), and the cell is as full.

    `pointers` are GSAS-II's cx, ct, cs, cia; `cell_contents` the atoms of each type in the cell.
    """
    _, ct, cs, _ = pointers
    for atom, wanted in zip(atoms, asked, strict=True):
        if atom[ct] != wanted:
            raise StructureError(f"GSAS-II takes atom type {wanted!r} as {atom[ct]!r}")
    found: Counter[str] = Counter()
    for atom in atoms:
        found[atom[ct]] += int(atom[cs + 1])
    if found != cell_contents:
        wrong = {t: (found[t], n) for t, n in cell_contents.items() if found[t] != n}
        told = ", ".join(f"{found} {t} for {n}" for t, (found, n) in wrong.items())
        raise StructureError(f"GSAS-II puts {told} in the cell: positions are not special enough")


def check_cell(found: Sequence[float], asked: Sequence[float]) -> None:
    """The six cell parameters are those given, to 1e-4."""
    if not np.allclose(found, asked, rtol=1e-5, atol=1e-4):
        raise StructureError(f"GSAS-II has cell {tuple(found)}, asked {tuple(asked)}")


def check_background(background: NDArray[np.floating]) -> None:
    """No background under the pattern: GSAS-II begins with a constant of 1."""
    worst = float(np.abs(background).max(initial=0.0))
    if worst > 0:
        raise StructureError(f"GSAS-II adds a background of {worst:.3g}")


def check_reflections(
    d: NDArray[np.floating],
    multiplicity: NDArray[np.integer],
    expected_d: NDArray[np.floating],
    expected_multiplicity: NDArray[np.integer],
) -> None:
    """As many reflections, with the multiplicities, as symmetry and cell allow."""
    if len(d) != len(expected_d) or multiplicity.sum() != expected_multiplicity.sum():
        raise StructureError(
            f"GSAS-II lists {len(d)} reflections ({int(multiplicity.sum())} with equivalents), "
            f"expected {len(expected_d)} ({int(expected_multiplicity.sum())})"
        )
    if not np.allclose(np.sort(d), np.sort(expected_d), rtol=1e-4):
        raise StructureError("GSAS-II lists reflections at other spacings than the cell has")
