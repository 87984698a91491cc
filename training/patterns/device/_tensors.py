"""Host arrays to the device in one transfer, and ragged rows without asking the device anything."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def on_device(values: Any, device: torch.device) -> SimpleNamespace:
    """A dataclass of equally long arrays as float64 and int64 tensors by the same names."""
    named = {f.name: np.asarray(getattr(values, f.name)) for f in fields(values)}
    flat = {k: v for k, v in named.items() if v.ndim == 1}
    moved = to_device(np.stack([v.astype(np.float64) for v in flat.values()]), device)
    result = {
        name: row if flat[name].dtype == np.float64 else row.to(_kind(flat[name]))
        for name, row in zip(flat, moved.unbind(0), strict=True)
    }
    result |= {k: to_device(v, device) for k, v in named.items() if v.ndim > 1}
    return SimpleNamespace(**result)


def _kind(values: NDArray[Any]) -> torch.dtype:
    return torch.bool if values.dtype == np.bool_ else torch.int64


def to_device(values: NDArray[Any], device: torch.device) -> Tensor:
    """A copy that the device may still be fetching when this returns."""
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def ragged(
    starts: NDArray[np.int64], counts: NDArray[np.int64], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Rows starts[i] … starts[i] + counts[i] of every i, with the i each belongs to; (R,) each."""
    total = int(counts.sum())
    shift = starts - (np.cumsum(counts) - counts)
    moved = to_device(np.stack([counts, shift]), device)
    owner = torch.repeat_interleave(
        torch.arange(len(counts), device=device), moved[0], output_size=total
    )
    return owner, torch.arange(total, device=device) + moved[1][owner]
