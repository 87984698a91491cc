"""Labelled sets drawn from a reflections file: families of structures never trained on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from alphadiffract_stream.grid import GRID_TWO_THETA, GRID_WAVELENGTH
from alphadiffract_stream.pattern import Origin, Pattern, RadialUnit

from ..labelled_set import LabelledSet
from ..patterns import MEASURED, PAPER, Batch, EngineName, open_drawer
from ..reflections import ReflectionStore, SymmetryTables

Preset = Literal["paper", "measured"]
SEED = 77_000_000
SIZE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Structures:
    """A reflections file, opened once for everything an evaluation asks of it."""

    store: ReflectionStore
    symmetry: SymmetryTables
    engine: EngineName = "auto"

    def held_out(
        self,
        preset: Preset,
        patterns: int,
        draws: int = 1,
        fraction: float = 0.05,
        progress: Callable[[int], None] = lambda done: None,
    ) -> LabelledSet:
        """`draws` patterns of each of `patterns` // `draws` held-out structures.

        `fraction`: of the families held out, as the network was trained; the same structures each
        time. Raises ValueError where the file holds no such structures.
        """
        _, held_out = self.store.split(fraction)
        if held_out.size == 0:
            raise ValueError("no structure is held out: the file is too small to evaluate on")
        generator = np.random.default_rng(20_26)
        size = min(max(1, patterns // draws), held_out.size)
        crystals = generator.choice(held_out, size=size, replace=False)
        chosen = np.repeat(crystals, draws)
        return self.drawn(chosen, preset, f"held-out-{preset}", progress)

    def drawn(
        self,
        crystals: NDArray[np.int64],
        preset: Preset,
        name: str,
        progress: Callable[[int], None] = lambda done: None,
    ) -> LabelledSet:
        """One pattern of each of `crystals` (N,), indices into the store; they may repeat."""
        augmentation = PAPER if preset == "paper" else MEASURED
        device = torch.device("cpu")
        drawer = open_drawer(self.engine, self.store, self.symmetry, augmentation, device)
        batches: list[Batch] = []
        for first in range(0, len(crystals), SIZE):
            batches.append(drawer.draw(crystals[first : first + SIZE], seed=SEED + first))
            progress(len(batches[-1]))
        rows = torch.cat([b.pattern for b in batches]).numpy()
        identifiers = tuple(str(self.store.identifier[i]) for i in crystals)
        return LabelledSet(
            name=name,
            patterns=[
                _on_grid(row, identifier) for row, identifier in zip(rows, identifiers, strict=True)
            ],
            space_group=torch.cat([b.space_group for b in batches]).numpy() + 1,
            niggli=torch.cat([b.lattice for b in batches]).numpy().astype(np.float64),
            identifier=identifiers,
            formula=(None,) * len(crystals),
            structure=np.asarray(crystals),
            simulated=preset,
        )


def _on_grid(values: NDArray[np.float32], identifier: str) -> Pattern:
    return Pattern(
        intensity=values,
        axis=GRID_TWO_THETA,
        unit=RadialUnit.TWO_THETA_DEG,
        wavelength=GRID_WAVELENGTH,
        wavelength_source="simulation",
        origin=Origin(transport="simulation", name=identifier),
    )
