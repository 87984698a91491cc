"""How much patterns differ between two versions of a store, or two ways of adding peaks."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from ...reflections import ReflectionStore, SymmetryTables
from .._augmentation import Augmentation
from ._drawer import DeviceDrawer
from ._plan import draw_plan
from ._tensors import on_device


def largest_difference(
    first: ReflectionStore,
    second: ReflectionStore,
    symmetry: SymmetryTables,
    augmentation: Augmentation,
    crystals: NDArray[np.int64],
) -> tuple[float, float]:
    """Largest and mean of the largest differences of noise-free patterns scaled to maximum 1."""
    device = torch.device("cpu")
    drawers = [DeviceDrawer(s, symmetry, augmentation, device) for s in (first, second)]
    worst = []
    for begin in range(0, crystals.size, 32):
        chosen = crystals[begin : begin + 32]
        plan = draw_plan(first, chosen, augmentation, np.random.default_rng(begin))
        conditions = on_device(plan.conditions, device)
        one, other = (d.clean(plan, conditions, torch.Generator().manual_seed(0)) for d in drawers)
        difference = one / one.amax(dim=1, keepdim=True) - other / other.amax(dim=1, keepdim=True)
        worst.append(difference.abs().amax(dim=1))
    joined = torch.cat(worst)
    return float(joined.max()), float(joined.mean())


def fourier_error(
    store: ReflectionStore,
    symmetry: SymmetryTables,
    augmentation: Augmentation,
    device: torch.device,
    patterns: int = 128,
) -> float:
    """Largest difference of the Fourier sum to the exact one on `device`, maxima scaled to 1."""
    crystals = np.random.default_rng(0).integers(len(store), size=patterns)
    plan = draw_plan(store, crystals, augmentation, np.random.default_rng(0))
    conditions = on_device(plan.conditions, device)
    fast, exact = (
        DeviceDrawer(store, symmetry, augmentation, device, exact=exact).clean(
            plan, conditions, torch.Generator(device).manual_seed(0)
        )
        for exact in (False, True)
    )
    return float(((fast - exact).abs().amax(dim=1) / exact.amax(dim=1)).max())
