"""Write alphadiffract_stream/crystal/_niggli_table.py: how Niggli cells become conventional cells.

Random conventional cells of every Bravais type, in all regimes of axial ratio and angle, are
Niggli-reduced with the change of basis recorded. Two changes of basis are one where they ask the
same symmetry of the Niggli cell (the same projection of its metric tensor), so that what remains
are the lattice characters of International Tables A, section 3.1.3 (old edition: table 9.2.5.1),
and, from cells strained by a little, the forms into which rounding can throw a cell on the border
between two of them.

    python -m tools.derive_niggli_table
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gemmi
import numpy as np

from alphadiffract_stream.crystal import cell_from_metric, metric_tensor
from alphadiffract_stream.crystal._projection import CENTRED, change_of_basis, symmetric_part

TARGET = Path(__file__).parents[1] / "alphadiffract_stream" / "crystal" / "_niggli_table.py"
BRAVAIS = ["aP", "mP", "mC", "oP", "oC", "oF", "oI", "tP", "tI", "hP", "hR", "cP", "cF", "cI"]
_HALF = (1, 4 / 3, 3 / 2, 2, 8 / 3, 3, 4, 6)
SQUARED_RATIOS = (*_HALF, *(1 / ratio for ratio in _HALF))
"""Of axes, where one lattice character borders on another."""
STRAINS = (0.0, 0.0, 1e-6, 1e-4, 1e-3)

Matrix = tuple[int, ...]


def random_cell(bravais: str, random: np.random.Generator, special: float = 0.5) -> np.ndarray:
    """(6,) a conventional cell of that type, axial ratios up to 1 : 30, a share of them special."""
    a, b, c = 5.0 * np.exp(random.uniform(-1.7, 1.7, 3))
    if random.random() < special:
        b, c = a * np.sqrt(random.choice(SQUARED_RATIOS, 2))
    right, beta = 90.0, np.degrees(np.arccos(random.uniform(-0.9, 0.0)))
    if bravais == "aP":
        return np.array([a, b, c, *random.uniform(70, 110, 3)])
    return np.array(
        {
            "m": (a, b, c, right, beta, right),
            "o": (a, b, c, right, right, right),
            "t": (a, a, c, right, right, right),
            "h": (a, a, c, right, right, 120.0),
            "c": (a, a, a, right, right, right),
        }[bravais[0]]
    )


def to_niggli(cell: np.ndarray, bravais: str) -> tuple[np.ndarray, np.ndarray]:
    """Niggli cell (6,) and integer M (3, 3): conventional basis vectors = M · Niggli ones."""
    vector = gemmi.GruberVector(gemmi.UnitCell(*cell), CENTRED.get(bravais, "P"), True)
    vector.niggli_reduce()
    # gemmi's operator gives old coordinates from new ones: new vectors = rotᵀ · old vectors.
    new_from_old = np.array(vector.change_of_basis.rot).T / gemmi.Op.DEN
    matrix = np.linalg.inv(new_from_old)
    integer = np.rint(matrix)
    assert np.allclose(matrix, integer, atol=1e-9)
    return np.array(vector.cell_parameters()), integer


def character(matrix: np.ndarray, bravais: str) -> bytes:
    """What the conventional symmetry asks of the Niggli cell, as a key."""
    forth = change_of_basis(matrix)
    asked = np.linalg.solve(forth, symmetric_part(bravais) @ forth)
    return np.rint(asked * 5040).astype(int).tobytes()


def strained(cell: np.ndarray, strain: float, random: np.random.Generator) -> np.ndarray:
    """The cell with each component of its metric changed by about `strain`."""
    bend = np.eye(3) + strain * random.normal(size=(3, 3))
    root = np.linalg.cholesky(metric_tensor(cell))
    return cell_from_metric(root @ bend @ bend.T @ root.T)


def collect(
    bravais: str, cells: int, seed: int, special: float = 0.5, strains: Sequence[float] = STRAINS
) -> dict[bytes, tuple[int, Matrix]]:
    """Character → (how often seen, its matrix of smallest integers) over `cells` random cells."""
    random = np.random.default_rng(seed)
    found: dict[bytes, tuple[int, Matrix]] = {}
    for index in range(cells):
        cell = random_cell(bravais, random, special)
        strain = strains[index % len(strains)]
        matrix = to_niggli(strained(cell, strain, random) if strain else cell, bravais)[1]
        key = character(matrix, bravais)
        this = tuple(int(value) for value in matrix.ravel())
        count, best = found.get(key, (0, this))
        found[key] = (count + 1, min(best, this, key=_size))
    return found


def _size(matrix: Matrix) -> tuple[int, int, Matrix]:
    return sum(v * v for v in matrix), -sum(matrix), tuple(-v for v in matrix)


def table(cells: int, seed: int) -> str:
    """The module's text."""
    lines = [
        '"""Bravais type → changes of basis, Niggli to conventional; written by a script.',
        "",
        "Rows of each matrix: conventional a, b, c in Niggli basis vectors. The commonest first.",
        f"Made with `python -m tools.derive_niggli_table` ({cells} random cells a type).",
        '"""',
        "",
        "NIGGLI_TO_CONVENTIONAL: dict[str, tuple[tuple[int, ...], ...]] = {",
    ]
    for bravais in BRAVAIS:
        found = sorted(collect(bravais, cells, seed).values(), key=lambda item: -item[0])
        lines += [f'    "{bravais}": (', *(f"        {matrix}," for _, matrix in found), "    ),"]
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    TARGET.write_text(table(cells=40_000, seed=1), encoding="utf-8")
