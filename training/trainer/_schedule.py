"""Learning rate at a step."""

from __future__ import annotations

from ._config import ScheduleConfig


def learning_rate(config: ScheduleConfig, step: int, finish_from: int | None = None) -> float:
    """Rate at `step`; `finish_from` is the step at which the final decay began, if it has.

    ``triangular`` (§5.5): 10 % → 100 % over half a cycle and back, each cycle's amplitude half the
    last one's. ``stable``: linear warm-up, then constant; a linear decay to zero when finishing,
    so that a run can be continued from before it as often as there is time.
    """
    if config.kind == "triangular":
        cycle, position = divmod(step, 2 * config.half_cycle_steps)
        rise = 1 - abs(position / config.half_cycle_steps - 1)
        return config.peak * (0.1 + 0.9 * rise * 0.5**cycle)
    rate = config.peak * min(1.0, (step + 1) / max(1, config.warmup_steps))
    if finish_from is not None:
        rate *= max(0.0, 1 - (step - finish_from) / config.decay_steps)
    return rate
