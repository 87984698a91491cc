"""Runs that differ in one cause of their training patterns, judged on the same patterns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from alphadiffract_stream.grid import to_grid

from ..ensembles import Members, mean_outputs
from ..evaluation import LabelledSet
from ..patterns import Augmentation, open_drawer
from ..reflections import ReflectionStore, SymmetryTables
from ..trainer import TrainingConfig, held_out_patterns, open_members
from ._answers import Answers, Change, changes
from ._catalogue import Cause

DEFAULT = (
    "texture",
    "impurity lines",
    "background+humps",
    "doublet",
    "strain",
    "own step",
    "second phase",
    "grains",
)
HELD_OUT, ALWAYS = "held out", "held out, the cause always on"


@dataclass(frozen=True, slots=True)
class Planned:
    """One run of an ablation."""

    folder: str
    told: str
    causes: tuple[Cause, ...]
    """Left out; none of a repetition."""
    config: TrainingConfig


def plan(
    config: TrainingConfig, left_out: Sequence[tuple[str, tuple[Cause, ...]]], repeats: int
) -> list[Planned]:
    """First the run as configured, then it with other seeds, then without each cause.

    Raises ValueError for a cause that training cannot be without.
    """
    runs = [
        Planned(
            f"full-{config.seed + i}",
            f"nothing (seed {config.seed + i})",
            (),
            replace(config, seed=config.seed + i),
        )
        for i in range(repeats + 1)
    ]
    for name, causes in left_out:
        changed = dict(config.data.augmentation)
        for cause in causes:
            if cause.of == "scans":
                raise ValueError(f"{cause.name}: training always has some; it cannot be left out")
            changed.update(cause.off)
        data = replace(config.data, augmentation=changed)
        folder = "without-" + name.replace(" ", "-")
        runs.append(Planned(folder, name, causes, replace(config, data=data)))
    return runs


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A run beside the first on each set."""

    run: Planned
    sets: dict[str, dict[str, Change]]
    """By set and measure; the difference is this run − the full one."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "left_out": [cause.name for cause in self.run.causes],
            "seed": self.run.config.seed,
            "augmentation": self.run.config.data.augmentation,
            "sets": {
                name: {measure: change.as_dict() for measure, change in found.items()}
                for name, found in self.sets.items()
            },
        }


@dataclass(frozen=True, slots=True, eq=False)
class Grids:
    """Patterns on the grid and their groups."""

    patterns: NDArray[np.float32]
    """(N, 8192)."""
    space_group: NDArray[np.int64]
    """(N,) 1…230."""

    @classmethod
    def of(cls, labelled: LabelledSet, background: str | None) -> Grids:
        """The service's own way to the grid."""
        grids = [to_grid(p, background=background).intensity for p in labelled.patterns]
        return cls(np.stack(grids), labelled.space_group)


def judged(
    runs: Sequence[Planned],
    output: Path,
    foreign: dict[str, Grids],
    patterns: int,
    distances: NDArray[np.floating] | None,
) -> Iterator[Judged]:
    """Every run but the first, on held-out patterns as the first is trained, and on `foreign`."""
    full = runs[0]
    drawn = _Drawn(full.config, patterns)
    augmentation = full.config.data.drawn_with()
    common = {HELD_OUT: drawn.held_out(augmentation), **foreign}
    first = _Network(output / full.folder)
    reference = {name: first.answers(grids) for name, grids in common.items()}
    for run in runs[1:]:
        network = _Network(output / run.folder)
        found = {
            name: _changes(reference[name], network.answers(grids), grids, distances)
            for name, grids in common.items()
        }
        if run.causes:
            always = drawn.held_out(augmentation._replace(**_always(run.causes)))
            found[ALWAYS] = _changes(
                first.answers(always), network.answers(always), always, distances
            )
        yield Judged(run, found)


def _always(causes: tuple[Cause, ...]) -> dict[str, float]:
    changed: dict[str, float] = {}
    for cause in causes:
        changed.update(cause.levels[0].changes)
        if "own_step_probability" in cause.off:
            changed["own_step_probability"] = 1.0
        if "doublet_probability" in cause.off:
            # Nothing but a laboratory scan has one.
            changed.update(own_step_probability=1.0, lab_probability=1.0)
    return changed


def _changes(
    first: Answers, second: Answers, grids: Grids, distances: NDArray[np.floating] | None
) -> dict[str, Change]:
    true = grids.space_group
    return changes(first.right(true, distances), second.right(true, distances))


class _Drawn:
    """Held-out patterns of one store, the same crystals each time."""

    def __init__(self, config: TrainingConfig, patterns: int) -> None:
        data = replace(config.data, validation_patterns=patterns)
        self._config = replace(config, data=data)
        self._store = ReflectionStore.load(data.reflections)
        self._symmetry = SymmetryTables.load(data.reflections)

    def held_out(self, augmentation: Augmentation) -> Grids:
        data = self._config.data
        drawer = open_drawer(
            data.engine, self._store, self._symmetry, augmentation, torch.device("cpu")
        )
        _, held_out = self._store.split(data.validation_fraction)
        batches = held_out_patterns(drawer, self._store, held_out, self._config)
        return Grids(
            torch.cat([b.pattern for b in batches]).numpy(),
            torch.cat([b.space_group for b in batches]).numpy() + 1,
        )


class _Network:
    """A run's averaged network."""

    def __init__(self, folder: Path) -> None:
        self._members = Members(open_members([folder]))

    def answers(self, grids: Grids) -> Answers:
        system, group = [], []
        for piece in torch.from_numpy(grids.patterns).split(256):
            with torch.no_grad():
                outputs = mean_outputs(self._members(piece))
            system.append(outputs[0])
            group.append(outputs[1])
        return Answers.of(torch.cat(system).numpy(), torch.cat(group).numpy())
