"""The training loop. Batch n is the same in every run, so a resumed run sees what it would have."""

from __future__ import annotations

import time
from pathlib import Path

from torch import Tensor, nn

from ..networks import in_bfloat16
from ..patterns import Batch
from ._checkpoint import BEFORE_FINISH, CHECKPOINT, TrainingState
from ._config import TrainingConfig
from ._log import Log, Report
from ._losses import training_loss
from ._pace import Pace, StopRequest
from ._run import Run
from ._schedule import learning_rate
from ._teacher import distilled
from ._validate import validate
from ._workers import Workers

SAVED_EVERY = 60.0
"""Seconds between checkpoints."""


def train(
    config: TrainingConfig,
    folder: Path,
    *,
    max_seconds: float = float("inf"),
    max_steps: int | None = None,
    finish: bool = False,
    finish_seconds: float = 0.0,
    start_from: Path | None = None,
    saved_every: float = SAVED_EVERY,
    report: Report = lambda row: None,
) -> TrainingState:
    """Train into `folder` until time or steps run out; goes on from its checkpoint if it has one.

    `finish` starts (or goes on with) the final decay of the stable schedule and ends with it.
    `finish_seconds` decays by the clock instead: linearly over the last so many of `max_seconds`,
    and keeps the state from before as ``before_finish.pt``. `start_from`: a checkpoint whose
    averaged weights a new run begins with. SIGTERM saves and ends. Seconds count from this call,
    loading included. Rows of progress go to `report` and to ``metrics.jsonl``. Under torchrun each
    process draws its own batches of `batch_size`.

    Raises FloatingPointError when the loss is no longer finite.
    """
    with StopRequest() as stop:
        pace = Pace(max_seconds, finish_seconds, stop)
        workers = Workers.join()
        folder.mkdir(parents=True, exist_ok=True)
        run = Run.open(config, folder, workers, start_from)
        log = Log(folder, report, quiet=not workers.leads)
        if run.lookup is not None:
            run.lookup.begin(run.state.average, pace.ended, log.tell)
        if finish and run.state.finish_from is None:
            run.state.finish_from = run.state.step
        log.go_on_from(run.state.step)
        _loop(run, pace, folder, log, max_steps=max_steps, saved_every=saved_every)
        workers.leave()
        return run.state


def _loop(
    run: Run, pace: Pace, folder: Path, log: Log, *, max_steps: int | None, saved_every: float
) -> None:
    config, state, workers = run.config, run.state, run.workers
    decay = config.schedule.decay_steps
    last = None if state.finish_from is None else state.finish_from + decay
    means, patterns = state.means, config.batch_size * workers.count
    saved, slowing = time.monotonic(), False
    began = saved - state.seconds
    for batch in run.loader.batches(state.step * workers.count + workers.rank, workers.count):
        factor, ended = workers.agreed(pace.factor(), pace.ended())
        if ended or state.step == max_steps or state.step == last:
            break
        if factor < 1 and not slowing:
            slowing = True
            _save(run, folder / BEFORE_FINISH)
        means.add(training_step(run, batch, factor))
        if state.step % config.report_every == 0:
            log.write(means.row(state.step, patterns))
        if state.step % config.validate_every == 0 and workers.leads:
            log.write(_validated(run))
        if time.monotonic() - saved > saved_every:
            means.check(state.step)
            saved = time.monotonic()
            state.seconds = saved - began
            _save(run, folder / CHECKPOINT)
    means.check(state.step)
    state.seconds = time.monotonic() - began
    _save(run, folder / CHECKPOINT)
    if workers.leads:
        log.write({**_validated(run), "stopped": pace.stop.asked})


def training_step(run: Run, batch: Batch, factor: float) -> dict[str, Tensor]:
    """One step on `batch`, at `factor` of the scheduled rate; the losses, detached."""
    config, state, device = run.config, run.state, run.workers.device
    batch = batch.to(device)
    rate = factor * learning_rate(config.schedule, state.step, state.finish_from)
    for group in state.optimizer.param_groups:
        group["lr"] = rate
    state.network.train()
    with in_bfloat16(device, wanted=config.bfloat16):
        outputs = run.forward(batch.pattern)
    losses = training_loss(
        outputs,
        batch.crystal_system,
        batch.space_group,
        batch.lattice,
        run.distances,
        config.loss,
    )
    if run.teacher is not None and config.distill is not None:
        lesson = run.teacher.answers(batch.pattern)
        losses = distilled(losses, outputs, lesson, config.distill, config.loss)
    if run.lookup is not None:
        losses = run.lookup.with_neighbours(losses, outputs, batch, state)
    losses["total"].backward()
    nn.utils.clip_grad_norm_(state.network.parameters(), config.gradient_clip)
    state.optimizer.step()
    state.optimizer.zero_grad(set_to_none=True)
    state.step += 1
    state.update_average(config.ema_decay)
    return {name: value.detach() for name, value in losses.items()}


def _save(run: Run, path: Path) -> None:
    if run.workers.leads:
        run.state.save(path)


def _validated(run: Run) -> dict[str, float]:
    row = validate(run.state.average, run.validation, run.workers.device, run.teacher)
    return {"step": run.state.step, **row}
