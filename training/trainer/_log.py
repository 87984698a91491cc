"""What a run tells: rows of numbers, to a file and to whoever watches."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

Report = Callable[[dict[str, Any]], None]


class Log:
    """One JSON row a line in ``metrics.jsonl``."""

    def __init__(self, folder: Path, report: Report, *, quiet: bool = False) -> None:
        self._path, self._report, self._quiet = folder / "metrics.jsonl", report, quiet

    def write(self, row: dict[str, Any]) -> None:
        """Append and report a row."""
        if self._quiet:
            return
        row = {k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": round(time.time(), 1), **row}) + "\n")
        self._report(row)


class Means:
    """Losses summed where they are made; the device is asked only when a row is due."""

    def __init__(self, patterns: int) -> None:
        self._patterns = patterns
        self._restart()

    def add(self, losses: dict[str, Tensor]) -> None:
        """One step's."""
        self._steps += 1
        for name, value in losses.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value

    def row(self, step: int) -> dict[str, Any]:
        """Means and rate since the last row. Raises FloatingPointError when training broke down."""
        values = {k: v.item() / max(1, self._steps) for k, v in self._sums.items()}
        seconds = time.monotonic() - self._since
        if not math.isfinite(values.get("total", 0.0)):
            raise FloatingPointError(
                f"loss is {values['total']} near step {step}: lower schedule.peak or gradient_clip;"
                " the last checkpoint is from before"
            )
        rate = self._steps * self._patterns / max(seconds, 1e-9)
        self._restart()
        return {"step": step, "patterns_per_second": rate, **values}

    def _restart(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._steps, self._since = 0, time.monotonic()
