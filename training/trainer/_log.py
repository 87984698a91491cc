"""What a run tells: rows of numbers, to a file and to whoever watches."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

METRICS = "metrics.jsonl"
Report = Callable[[dict[str, Any]], None]


class Log:
    """One JSON row a line in ``metrics.jsonl``."""

    def __init__(self, folder: Path, report: Report, *, quiet: bool = False) -> None:
        self._path, self._report, self._quiet = folder / METRICS, report, quiet

    def go_on_from(self, step: int) -> None:
        """Drop rows after `step`, which a run killed since its checkpoint will write again."""
        if self._quiet or not self._path.is_file():
            return
        kept = [row for row in read_metrics(self._path.parent) if row.get("step", 0) <= step]
        part = self._path.with_suffix(".part")
        part.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
        part.replace(self._path)

    def tell(self, row: dict[str, Any]) -> None:
        """Report a row and keep nothing of it."""
        if not self._quiet:
            self._report(row)

    def write(self, row: dict[str, Any]) -> None:
        """Append and report a row."""
        if self._quiet:
            return
        row = {k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": round(time.time(), 1), **row}) + "\n")
        self._report(row)


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run, without a last one cut off by a kill. Raises FileNotFoundError."""
    rows = []
    for line in (folder / METRICS).read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


class Means:
    """Losses summed where they are made; the device is asked only when a row is due."""

    def __init__(self) -> None:
        self._restart()

    def add(self, losses: dict[str, Tensor]) -> None:
        """One step's."""
        self._steps += 1
        self._timed += 1
        for name, value in losses.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value

    def row(self, step: int, patterns: int) -> dict[str, Any]:
        """Means, and rate at `patterns` a step, since the last row. Raises as `check` does."""
        self.check(step)
        values = {k: v.item() / max(1, self._steps) for k, v in self._sums.items()}
        seconds = time.monotonic() - self._since
        rate = self._timed * patterns / max(seconds, 1e-9)
        self._restart()
        return {"step": step, "patterns_per_second": rate, **values}

    def check(self, step: int) -> None:
        """Raises FloatingPointError when training broke down."""
        total = self._sums["total"].item() if "total" in self._sums else 0.0
        if not math.isfinite(total):
            raise FloatingPointError(
                f"loss is {total} near step {step}: lower schedule.peak or gradient_clip;"
                " the last checkpoint is from before"
            )

    def saved(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"steps": self._steps, "sums": {k: v.cpu() for k, v in self._sums.items()}}

    def load(self, saved: dict[str, Any], device: torch.device) -> None:
        """What `saved` gave: a row half summed is finished as if nothing had happened."""
        self._restart()
        self._steps = saved["steps"]
        self._sums = {k: v.to(device) for k, v in saved["sums"].items()}

    def _restart(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._steps, self._timed, self._since = 0, 0, time.monotonic()
