"""Everything a run consists of, opened from its configuration and its folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..networks import HeadOutputs, build
from ..patterns import KEY, BalancedSampler, Batch, PatternLoader, open_drawer
from ..reflections import ReflectionStore, SymmetryTables
from ..retrieval import KeyBank
from ._checkpoint import CHECKPOINT, TrainingState, averaged_copy
from ._config import TrainingConfig
from ._lookup import Lookup
from ._losses import graph_distances
from ._optimizer import open_optimizer
from ._teacher import Teacher
from ._validate import held_out_patterns
from ._workers import Workers


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Network, data and state, on this process's device."""

    config: TrainingConfig
    workers: Workers
    state: TrainingState
    forward: Callable[[Tensor], HeadOutputs]
    loader: PatternLoader
    validation: list[Batch]
    distances: Tensor
    teacher: Teacher | None
    lookup: Lookup | None

    @classmethod
    def open(
        cls, config: TrainingConfig, folder: Path, workers: Workers, start_from: Path | None
    ) -> Run:
        """Goes on from the folder's checkpoint, else from `start_from`, else from nothing."""
        torch.manual_seed(config.seed)
        torch.backends.cudnn.benchmark = workers.device.type == "cuda"
        store = ReflectionStore.load(config.data.reflections)
        symmetry = SymmetryTables.load(config.data.reflections)
        kept, held_out = store.split(config.data.validation_fraction)
        augmentation = config.data.drawn_with()
        drawer = open_drawer(config.data.engine, store, symmetry, augmentation, workers.device)
        network = build(config.network)
        network.to(device=workers.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = open_optimizer(
            config.optimizer, network, config.schedule.peak, config.weight_decay
        )
        state = TrainingState(network, averaged_copy(network), optimizer)
        lookup = None
        if config.retrieval.weight > 0:
            width = network.options.keys
            keys = KeyBank.empty(store, kept, width, config.seed, workers.device)
            clean = open_drawer(config.data.engine, store, symmetry, KEY, workers.device)
            lookup = Lookup(keys, clean, config)
            state.keys = keys.keys
        if (folder / CHECKPOINT).is_file():
            state.load(folder / CHECKPOINT)
        elif start_from is not None:
            state.start_from(start_from)
        shared = workers.shared(network)
        sampler = BalancedSampler(
            store, kept, config.data.balance_power, config.data.theoretical_weight
        )
        return cls(
            config,
            workers,
            state,
            torch.compile(shared) if config.compile else shared,
            PatternLoader(drawer, sampler, config.batch_size, config.seed),
            held_out_patterns(drawer, store, held_out, config) if workers.leads else [],
            _distances(symmetry, config).to(workers.device),
            None if config.distill is None else Teacher.open(config.distill, workers.device),
            lookup,
        )


def _distances(symmetry: SymmetryTables, config: TrainingConfig) -> Tensor:
    """(230, 230) hops: a pack's own, else from the edges; zeros where the loss asks for none."""
    if symmetry.distances is not None:
        return torch.from_numpy(symmetry.distances).float()
    if config.loss.gemd == 0 and not config.data.subgroups.is_file():
        return torch.zeros(230, 230)
    return torch.from_numpy(graph_distances(config.data.subgroups))
