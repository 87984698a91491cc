"""Noise-free patterns of chosen broadening, as torch draws them: for checks and fixed sets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._drawer import DeviceDrawer
from ._plan import Plan
from ._tensors import on_device

BROADENING = ("size", "microstrain", "u", "v", "w")
"""Columns: µm, 10⁻⁶, centideg²."""


def clean_patterns(
    drawer: DeviceDrawer, plan: Plan, broadening: NDArray[np.float64], device: torch.device
) -> Tensor:
    """(B, 8192) float32 of a plan of B patterns with its broadening (B, 5) replaced."""
    columns = {name: broadening[:, i].copy() for i, name in enumerate(BROADENING)}
    plan = replace(plan, conditions=replace(plan.conditions, **columns))
    generator = torch.Generator(device).manual_seed(0)
    return drawer.clean(plan, on_device(plan.conditions, device), generator)
