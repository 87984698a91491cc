"""What an engine returns for a batch: the network signature as arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """Raw outputs for N patterns; field names and order are the graph's output names.

    Raises ValueError when shapes disagree with the signature.
    """

    crystal_system: FloatArray
    """(N, 7) ensemble-mean probability, triclinic … cubic."""
    crystal_system_std: FloatArray
    """(N, 7) standard deviation over members."""
    space_group: FloatArray
    """(N, 230) ensemble-mean probability; index = number − 1."""
    space_group_std: FloatArray
    """(N, 230)."""
    lattice: FloatArray
    """(N, 6) Niggli-reduced a b c (Å) α β γ (°)."""
    lattice_std: FloatArray
    """(N, 6) standard deviation over members; where members give a σ themselves, the whole σ."""
    embedding: FloatArray
    """(N, F) backbone features."""

    def __post_init__(self) -> None:
        n = self.crystal_system.shape[0]
        for name, width in SIGNATURE.items():
            shape = getattr(self, name).shape
            if len(shape) != 2 or shape[0] != n or (width and shape[1] != width):
                raise ValueError(f"{name}: shape {shape}, expected ({n}, {width or 'F'})")

    def __len__(self) -> int:
        return self.crystal_system.shape[0]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Output names in the graph's order."""
        return tuple(f.name for f in fields(cls))


SIGNATURE: dict[str, int] = {
    "crystal_system": 7,
    "crystal_system_std": 7,
    "space_group": 230,
    "space_group_std": 230,
    "lattice": 6,
    "lattice_std": 6,
    "embedding": 0,
}
"""Output name → width; 0 where the network chooses."""
