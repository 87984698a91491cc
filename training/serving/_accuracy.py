"""How far a plan's answers are from the ONNX file's."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from alphadiffract_stream.prediction import Outputs


@dataclass(frozen=True, slots=True)
class Difference:
    """Largest differences over N patterns; shares of patterns whose first choice differs."""

    patterns: int
    probability: float
    """Of any crystal system or space group."""
    crystal_system: float
    """Share of patterns with another most probable crystal system."""
    space_group: float
    """Share of patterns with another most probable space group."""
    length: float
    """Relative, of a, b, c."""
    angle: float
    """Degrees."""

    def as_dict(self) -> dict[str, float]:
        """For the sidecar, rounded."""
        return {name: float(f"{value:.4g}") for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What may differ. One pattern in a small set may always choose otherwise: a near tie."""

    probability: float = 0.02
    disagreement: float = 0.003
    length: float = 0.01
    angle: float = 0.5

    def fault(self, found: Difference) -> str:
        """What is too large, in words; empty where nothing is."""
        allowed = max(self.disagreement, 1 / found.patterns)
        for name, limit in (
            ("probability", self.probability),
            ("crystal_system", allowed),
            ("space_group", allowed),
            ("length", self.length),
            ("angle", self.angle),
        ):
            value = getattr(found, name)
            if not value <= limit:  # a NaN is a fault too
                return (
                    f"{name} differs by {value:.3g} over {found.patterns} patterns, "
                    f"allowed is {limit:.3g}"
                )
        return ""


def compare(found: Outputs, expected: Outputs) -> Difference:
    """Differences between two engines' answers to the same patterns."""

    def largest(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.abs(a - b).max())

    def another(a: np.ndarray, b: np.ndarray) -> float:
        return float((a.argmax(axis=1) != b.argmax(axis=1)).mean())

    lengths = expected.lattice[:, :3]
    return Difference(
        patterns=len(expected),
        probability=max(
            largest(found.crystal_system, expected.crystal_system),
            largest(found.space_group, expected.space_group),
        ),
        crystal_system=another(found.crystal_system, expected.crystal_system),
        space_group=another(found.space_group, expected.space_group),
        length=largest(found.lattice[:, :3] / lengths, np.ones_like(lengths)),
        angle=largest(found.lattice[:, 3:], expected.lattice[:, 3:]),
    )
