"""A network's answers under every condition, kept one by one so that a stopped run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.pattern import Origin, Pattern, RadialUnit

from ..evaluation import Contender, LabelledSet, Structures, combined, predict_with
from ._answers import Answers
from ._conditions import Condition

NEW, KNOWN = "new", "known"
"""Families held out from training and from the memory; crystals trained on and remembered."""
SIZE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """The crystals every condition draws anew, in the same order and from the same seeds."""

    name: str
    crystals: NDArray[np.int64]
    """(N,) indices into the store."""
    seed: int

    @property
    def seeds(self) -> NDArray[np.int64]:
        """(N,) of each scan."""
        return self.seed + np.arange(self.crystals.size)


def populations(
    structures: Structures, fraction: float, patterns: int, seed: int
) -> list[Population]:
    """`patterns` crystals (or all there are) of held-out families, and as many trained on.

    Raises ValueError where the file holds out none.
    """
    kept, held_out = structures.store.split(fraction)
    if held_out.size < 2:
        raise ValueError("no structure is held out: the file is too small to measure on")
    generator = np.random.default_rng([20_26, seed])
    return [
        Population(
            name,
            generator.choice(part, size=min(patterns, part.size), replace=False),
            10_000_000 * (2 * seed + number),
        )
        for number, (name, part) in enumerate(((NEW, held_out), (KNOWN, kept)))
    ]


class Kept:
    """A folder of answers, of one network and one choice of crystals.

    Raises ValueError where the folder holds those of another.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self._folder = folder / "answers"
        self._folder.mkdir(parents=True, exist_ok=True)
        path = folder / "settings.json"
        text = json.dumps(settings, indent=1) + "\n"
        if path.is_file() and path.read_text(encoding="utf-8") != text:
            raise ValueError(f"{folder}: holds answers of other settings; name another folder")
        path.write_text(text, encoding="utf-8")

    def answers(self, condition: Condition, population: str) -> Answers | None:
        """As kept, or None."""
        path = self._path(condition, population)
        return Answers.load(path) if path.is_file() else None

    def keep(self, answers: Answers, condition: Condition, population: str) -> None:
        """Write them down."""
        answers.save(self._path(condition, population))

    def _path(self, condition: Condition, population: str) -> Path:
        return self._folder / f"{population}-{condition.digest}.npz"


def answered(
    contender: Contender,
    structures: Structures,
    condition: Condition,
    population: Population,
    background: str | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Answers:
    """Scans drawn, brought to the grid as the service does it, and shown to the network."""
    from ..patterns.compiled import ScanDrawer  # which needs numba

    drawer = ScanDrawer(
        structures.store, condition.augmentation, structures.symmetry, condition.step
    )
    system, group = [], []
    for first in range(0, population.crystals.size, SIZE):
        part = slice(first, first + SIZE)
        labelled = _labelled(drawer, structures, population.crystals[part], population.seeds[part])
        each = predict_with(contender.engines, labelled, background=background, progress=progress)
        outputs = combined(each, contender.members) if len(each) > 1 else each[0]
        system.append(outputs.crystal_system)
        group.append(outputs.space_group)
    return Answers.of(np.concatenate(system), np.concatenate(group))


def _labelled(
    drawer: Any, structures: Structures, crystals: NDArray[np.int64], seeds: NDArray[np.int64]
) -> LabelledSet:
    scans = drawer.draw(crystals, seeds)
    names: Sequence[str] = [str(structures.store.identifier[i]) for i in crystals]
    return LabelledSet(
        name="scans",
        patterns=[
            Pattern(
                intensity=values[inside],
                axis=scans.two_theta[inside],
                unit=RadialUnit.TWO_THETA_DEG,
                wavelength=scans.wavelength,
                wavelength_source="simulation",
                origin=Origin(transport="simulation", name=name),
            )
            for values, inside, name in zip(scans.intensity, scans.measured, names, strict=True)
        ],
        space_group=structures.store.space_group_number[crystals].astype(np.int64),
        niggli=scans.lattice,
        identifier=tuple(names),
        formula=(None,) * len(names),
        structure=crystals,
    )
