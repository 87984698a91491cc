"""Batches of patterns drawn on the training device."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...reflections import ReflectionStore, SymmetryTables
from .._augmentation import Augmentation
from .._axis import START, STOP
from .._batch import Batch, joined
from ._direct import direct_sum
from ._fourier import FourierSum
from ._instrument import (
    OwnSteps,
    add_background,
    clip,
    longest_axis,
    scale_to_unit,
    truncate,
)
from ._lines import LineMaker, Lines
from ._noise import add_noise
from ._plan import Plan, draw_plan
from ._tensors import on_device, to_device
from ._widths import Broadening


class DeviceDrawer:
    """Draws on `device`, `chunk` patterns at a time (about 1 MB each while they are drawn).

    `exact` adds every peak over the whole grid instead of using Fourier transforms.
    """

    threads = 1

    def __init__(
        self,
        store: ReflectionStore,
        symmetry: SymmetryTables,
        augmentation: Augmentation,
        device: torch.device,
        *,
        chunk: int | None = None,
        exact: bool = False,
    ) -> None:
        self._store = store
        self._augmentation = augmentation
        self._device = device
        self._chunk = chunk or (32 if device.type == "cpu" else 1024)
        self._line_maker = LineMaker(store, symmetry, device)
        self._sum = direct_sum if exact else FourierSum(device)
        self._longest = longest_axis(augmentation)

    def draw(self, crystals: NDArray[np.int64], seed: int) -> Batch:
        """One pattern of each of `crystals` (B,); the same seed draws the same on one device."""
        generator = torch.Generator(self._device).manual_seed(seed % 2**63)
        rng = np.random.default_rng(seed)
        parts = []
        for first in range(0, crystals.size, self._chunk):
            chosen = crystals[first : first + self._chunk]
            plan = draw_plan(self._store, chosen, self._augmentation, rng)
            labels = np.stack([plan.crystal_system, plan.space_group, chosen])
            system, group, crystal = to_device(labels, self._device).unbind(0)
            lattice = to_device(plan.lattice.astype(np.float32), self._device)
            parts.append(Batch(self.patterns(plan, generator), system, group, lattice, crystal))
        return joined(parts)

    def patterns(self, plan: Plan, generator: torch.Generator) -> Tensor:
        """(B, 8192) float32, 0 … 1: what `plan` says, with the device's own noise."""
        conditions = on_device(plan.conditions, self._device)
        pattern = self.clean(plan, conditions, generator)
        pattern = self._measured(pattern, plan, conditions, generator)
        if plan.conditions.clipped.any():
            pattern = clip(pattern, conditions.clipped)
        if (plan.conditions.last - plan.conditions.first < 1).any():
            pattern = truncate(pattern, conditions)
        return scale_to_unit(pattern)

    def clean(self, plan: Plan, conditions: SimpleNamespace, generator: torch.Generator) -> Tensor:
        """(B, 8192): all lines, saturation and background; before the instrument's steps."""
        size = len(plan.lattice)
        lines = self._line_maker.lines(plan, conditions, generator)
        broadening = Broadening.of(conditions)
        pattern = self._sum(lines, broadening, size)
        if plan.impurities.pattern.size:
            pattern += direct_sum(self._impurities(plan, pattern, broadening), broadening, size)
        strongest = pattern.amax(dim=1, keepdim=True)
        pattern = torch.minimum(pattern, conditions.ceiling.float()[:, None] * strongest)
        return add_background(pattern, conditions)

    def _impurities(self, plan: Plan, pattern: Tensor, broadening: Broadening) -> Lines:
        drawn = on_device(plan.impurities, self._device)
        position = START + (STOP - START) * drawn.position
        fwhm, _ = broadening.widths(position.float(), drawn.pattern)
        height = drawn.height * pattern.amax(dim=1)[drawn.pattern]
        return Lines(drawn.pattern, position, height * fwhm)

    def _measured(
        self, pattern: Tensor, plan: Plan, conditions: SimpleNamespace, generator: torch.Generator
    ) -> Tensor:
        """Noise, at the instrument's own steps where it has them."""
        own, canonical = np.flatnonzero(plan.conditions.own), np.flatnonzero(~plan.conditions.own)
        result = torch.empty_like(pattern)
        if canonical.size:
            rows = to_device(canonical, self._device)
            c = _rows(conditions, rows)
            result[rows] = add_noise(pattern[rows], c.lambda_max, c.sigma_rel, generator)
        if own.size:
            rows = to_device(own, self._device)
            c = _rows(conditions, rows)
            steps = OwnSteps(c, self._longest)
            values = steps.sample(pattern[rows])
            noisy = add_noise(values, c.lambda_max, c.sigma_rel, generator, steps.valid)
            result[rows] = steps.to_grid(noisy)
        return result


def _rows(conditions: SimpleNamespace, rows: Tensor) -> SimpleNamespace:
    return SimpleNamespace(**{name: value[rows] for name, value in vars(conditions).items()})
