"""The training loop. Batch n is the same in every run, so a resumed run sees what it would have."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..networks import build
from ..patterns import BalancedSampler, Batch, PatternDrawer, PatternLoader
from ..reflections import ReflectionStore
from ._checkpoint import TrainingState, averaged_copy
from ._config import TrainingConfig
from ._losses import accuracy, graph_distances, to_torch, training_loss
from ._schedule import learning_rate

Report = Callable[[dict[str, Any]], None]


def train(
    config: TrainingConfig,
    folder: Path,
    *,
    max_seconds: float = float("inf"),
    max_steps: int | None = None,
    finish: bool = False,
    report: Report = lambda row: None,
) -> TrainingState:
    """Train into `folder` until time or steps run out; goes on from its checkpoint if it has one.

    `finish` starts (or goes on with) the final decay of the stable schedule and ends with it.
    Rows of progress go to `report` and to ``metrics.jsonl``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    store = ReflectionStore.load(config.data.reflections)
    kept, held_out = store.split(config.data.validation_fraction)
    drawer = PatternDrawer(store, config.data.drawn_with())
    distances = to_torch(graph_distances(config.data.subgroups)).to(device)
    network = build(config.network).to(device, memory_format=torch.channels_last)
    state = TrainingState(network, averaged_copy(network), _optimizer(network, config))
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.is_file():
        state.load(checkpoint)
    if finish and state.finish_from is None:
        state.finish_from = state.step
    validation = held_out_patterns(drawer, held_out, config)
    sampler = BalancedSampler(store, kept, config.data.balance_power)
    loader = PatternLoader(drawer, sampler, config.batch_size, config.seed)
    log = _Log(folder / "metrics.jsonl", report)
    began, sums = time.monotonic(), dict[str, float]()
    last = None if state.finish_from is None else state.finish_from + config.schedule.decay_steps
    for seen, batch in enumerate(loader.batches(state.step)):
        out_of_time = time.monotonic() - began > max_seconds
        if out_of_time or state.step == max_steps or state.step == last:
            break
        losses = _step(state, batch, distances, config, device)
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + value.item()
        if state.step % config.report_every == 0:
            rate = (seen + 1) * config.batch_size / (time.monotonic() - began)
            means = {name: value / config.report_every for name, value in sums.items()}
            log.write({"step": state.step, "patterns_per_second": rate, **means})
            sums = {}
        if state.step % config.validate_every == 0:
            state.save(checkpoint)
            log.write({"step": state.step, **validate(state.average, validation, device)})
    state.save(checkpoint)
    log.write({"step": state.step, **validate(state.average, validation, device)})
    return state


def _step(
    state: TrainingState,
    batch: Batch,
    distances: Tensor,
    config: TrainingConfig,
    device: torch.device,
) -> dict[str, Tensor]:
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate(config.schedule, state.step, state.finish_from)
    state.network.train()
    with torch.autocast(device.type, torch.bfloat16, enabled=config.bfloat16):
        outputs = state.network(to_torch(batch.pattern).to(device))
    losses = training_loss(
        outputs,
        to_torch(batch.crystal_system).to(device),
        to_torch(batch.space_group).to(device),
        to_torch(batch.lattice).to(device),
        distances,
        config.loss,
    )
    losses["total"].backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), config.gradient_clip)
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.step += 1
    state.update_average(config.ema_decay)
    return {name: value.detach() for name, value in losses.items()}


def _optimizer(network: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW; norms and biases are not decayed."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.schedule.peak, fused=True)


def held_out_patterns(
    drawer: PatternDrawer, held_out: np.ndarray, config: TrainingConfig
) -> list[Batch]:
    """The same patterns of held-out families each time."""
    generator = np.random.default_rng(20_26)
    size = min(config.data.validation_patterns, held_out.size)
    crystals = generator.choice(held_out, size=size, replace=False)
    return [
        drawer.draw(crystals[i : i + 256], seed=77_000_000 + i)
        for i in range(0, len(crystals), 256)
    ]


def validate(network: nn.Module, batches: list[Batch], device: torch.device) -> dict[str, float]:
    """Top-1/top-5 accuracy and mean lattice errors over `batches`, named ``val_…``."""
    network.eval()
    totals: dict[str, float] = {}
    count = sum(len(b.pattern) for b in batches)
    for batch in batches:
        with torch.no_grad():
            outputs = network(to_torch(batch.pattern).to(device))
        system = to_torch(batch.crystal_system).to(device)
        group = to_torch(batch.space_group).to(device)
        row = accuracy(outputs, system, group)
        error = (outputs.lattice.cpu() - to_torch(batch.lattice)).abs()
        row["length_mae"] = error[:, :3].mean().item()
        row["angle_mae"] = error[:, 3:].mean().item()
        for name, value in row.items():
            totals[name] = totals.get(name, 0.0) + value * len(batch.pattern) / count
    return {f"val_{name}": value for name, value in totals.items()}


class _Log:
    """One JSON row a line, and to whoever watches."""

    def __init__(self, path: Path, report: Report) -> None:
        self._path, self._report = path, report

    def write(self, row: dict[str, Any]) -> None:
        row = {k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": round(time.time(), 1), **row}) + "\n")
        self._report(row)
