"""A run's results in files small enough to travel: averaged weights in half precision."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from ._checkpoint import CHECKPOINT, TrainingState
from ._config import TrainingConfig

LARGEST = 16 * 2**20
"""Bytes of the largest file written."""


def write_pieces(state: TrainingState, config: TrainingConfig, folder: Path) -> list[Path]:
    """``checkpoint.pt`` with the averaged weights, ``config.json``; split if it must be.

    Matrices become float16, vectors and batch-norm statistics stay as they are. The folder exports
    like a run, and `start_from` takes its checkpoint. A network too large for one file is written
    as ``checkpoint.pt.0``, ``.1``, … to be joined by ``cat``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config.as_json(), indent=1), encoding="utf-8")
    path = folder / CHECKPOINT
    average = {name: _halved(value) for name, value in state.average.state_dict().items()}
    torch.save({"average": average, "step": state.step}, path)
    if path.stat().st_size <= LARGEST:
        return [path]
    content = path.read_bytes()
    path.unlink()
    parts = []
    for number, first in enumerate(range(0, len(content), LARGEST)):
        parts.append(folder / f"{CHECKPOINT}.{number}")
        parts[-1].write_bytes(content[first : first + LARGEST])
    return parts


def _halved(value: Tensor) -> Tensor:
    value = value.cpu()
    return value.half() if value.dtype == torch.float32 and value.ndim > 1 else value
