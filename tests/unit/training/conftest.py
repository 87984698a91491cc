"""A handful of textbook crystals, so that training code is tested without a data base."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("torch", reason="the training code needs the `train` extra")

from training.reflections import ReflectionStore, SymmetryTables
from training.structures import StructureRecord, lattice_vectors, tabulate

# name: (space group, cell, [(Z, position)…] of the whole cell)
FACES = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
CRYSTALS = {
    "rock salt": (
        225,
        [5.64, 5.64, 5.64, 90, 90, 90],
        [(11, f) for f in FACES] + [(17, tuple((np.array(f) + 0.5) % 1)) for f in FACES],
    ),
    "caesium chloride": (221, [4.12] * 3 + [90] * 3, [(55, (0, 0, 0)), (17, (0.5, 0.5, 0.5))]),
    "zinc": (
        194,
        [2.665, 2.665, 4.947, 90, 90, 120],
        [(30, (1 / 3, 2 / 3, 0.25)), (30, (2 / 3, 1 / 3, 0.75))],
    ),
    "rutile": (
        136,
        [4.594, 4.594, 2.959, 90, 90, 90],
        [(22, (0, 0, 0)), (22, (0.5, 0.5, 0.5))]
        + [
            (8, p)
            for p in (
                (0.305, 0.305, 0),
                (0.695, 0.695, 0),
                (0.195, 0.805, 0.5),
                (0.805, 0.195, 0.5),
            )
        ],
    ),
    "triclinic": (
        1,
        [5.1, 6.2, 7.3, 81, 84, 77],
        [(14, (0.1, 0.2, 0.3)), (8, (0.5, 0.4, 0.1)), (20, (0.8, 0.7, 0.65))],
    ),
}


def record(name: str) -> StructureRecord:
    number, cell, atoms = CRYSTALS[name]
    return StructureRecord(
        identifier=name,
        formula=name,
        space_group_number=number,
        space_group_number_tight=number,
        lattice=lattice_vectors(cell),
        fractional=np.array([position for _, position in atoms]),
        atomic_numbers=np.array([z for z, _ in atoms], dtype=np.int32),
    )


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower on more threads, much slower where cores are busy."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def store() -> ReflectionStore:
    """Reflections of all textbook crystals, several times over."""
    return ReflectionStore.concatenate([tabulate(record(name)) for name in CRYSTALS])


@pytest.fixture(scope="session")
def symmetry() -> SymmetryTables:
    """Laue rotations, and a chain instead of the subgroup graph."""
    number = np.arange(230)
    return SymmetryTables.derived(np.abs(number[:, None] - number).clip(max=6).astype(np.int8))


@pytest.fixture(scope="session")
def records() -> dict[str, StructureRecord]:
    return {name: record(name) for name in CRYSTALS}
