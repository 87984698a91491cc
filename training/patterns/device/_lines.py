"""From reflections to lines: where each appears and how strong it is there."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor

from ...reflections import ReflectionStore, SymmetryTables
from .._axis import CANONICAL, START, STOP
from ._plan import Phases, Plan
from ._tensors import on_device, ragged, to_device
from ._texture import march_dollase

WEAKEST = 1e-5
"""Of the strongest line of its phase; weaker ones are left out."""
MARGIN = 0.05
"""Degrees beyond the grid at which a line still counts."""
SHL = 0.002
"""GSAS-II's least axial divergence."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Peaks of all patterns of a batch, (R,) each, float64; those left out have area 0."""

    pattern: Tensor
    position: Tensor
    """Degrees 2θ at 20 keV."""
    area: Tensor


class LineMaker:
    """Holds a store's reflections on the device."""

    def __init__(
        self, store: ReflectionStore, symmetry: SymmetryTables, device: torch.device
    ) -> None:
        self._device = device
        self._offsets = store.offsets
        self._groups = store.space_group_number.astype(np.int64) - 1
        self._hkl = to_device(store.hkl, device)
        self._strength = to_device(store.strength, device)
        self._rotations = to_device(symmetry.rotations.astype(np.float64), device)
        self._equivalents = to_device(symmetry.counts, device)

    def lines(self, plan: Plan, conditions: SimpleNamespace, generator: torch.Generator) -> Lines:
        """Lines of every phase, with Kα₂ where there is a doublet."""
        phases = on_device(plan.phases, self._device)
        crystal = plan.phases.crystal
        counts = np.diff(self._offsets)[crystal]
        begins = np.cumsum(counts) - counts
        phase, row = ragged(self._offsets[crystal], counts, self._device)
        hkl = self._hkl[row].to(torch.float64)
        inverse_d2 = quadratic_form(hkl, phases.g_star[phase])
        sine = 0.5 * CANONICAL * inverse_d2.sqrt()
        normal = torch.randn(sine.shape, device=self._device, generator=generator)
        area = self._strength[row] * _factors(sine, inverse_d2, normal, phase, phases, conditions)
        textured = np.flatnonzero(plan.phases.textured)
        if textured.size:
            owner, rows = ragged(begins[textured], counts[textured], self._device)
            weight = self._texture(hkl[rows], inverse_d2[rows], plan.phases, textured, owner)
            area[rows] = area[rows] * weight
        area = _shared_out(area, phase, phases)
        pattern = phases.pattern[phase]
        lines = [_placed(pattern, sine, area, conditions.line, conditions)]
        doubled = np.flatnonzero(plan.conditions.doublet[plan.phases.pattern])
        if doubled.size:
            _, rows = ragged(begins[doubled], counts[doubled], self._device)
            half = 0.5 * area[rows]
            second = conditions.second_line
            lines.append(_placed(pattern[rows], sine[rows], half, second, conditions))
        return Lines(
            torch.cat([part.pattern for part in lines]),
            torch.cat([part.position for part in lines]),
            torch.cat([part.area for part in lines]),
        )

    def _texture(
        self,
        hkl: Tensor,
        inverse_d2: Tensor,
        phases: Phases,
        which: np.ndarray,
        owner: Tensor,
    ) -> Tensor:
        groups = to_device(self._groups[phases.crystal[which]], self._device)
        return march_dollase(
            hkl,
            inverse_d2,
            owner,
            g_star=to_device(phases.g_star[which], self._device),
            axis=to_device(phases.texture_axis[which], self._device),
            r=to_device(phases.texture_r[which], self._device),
            rotations=self._rotations[groups],
            equivalents=self._equivalents[groups],
        )


def quadratic_form(hkl: Tensor, g_star: Tensor) -> Tensor:
    """1/d² (R,) of hkl (R, 3) in reciprocal metrics (R, 3, 3)."""
    return ((hkl[:, :, None] * g_star).sum(dim=1) * hkl).sum(dim=1)


def axial_shift(two_theta: Tensor) -> Tensor:
    """Where a peak appears under the least axial divergence; see `simulation.axial_shift`."""
    lowest = torch.rad2deg(torch.arccos((1 + SHL**2) ** 0.5 * torch.cos(torch.deg2rad(two_theta))))
    return lowest + 0.57735 * (two_theta - lowest)


def _factors(
    sine: Tensor,
    inverse_d2: Tensor,
    normal: Tensor,
    phase: Tensor,
    phases: SimpleNamespace,
    conditions: SimpleNamespace,
) -> Tensor:
    """Lorentz and polarization at the instrument's wavelength, B and grains; (R,)."""
    pattern = phases.pattern[phase]
    own2 = (sine * (conditions.wavelength / CANONICAL)[pattern]).clamp_max(0.99) ** 2
    polarization = conditions.polarization[pattern]
    polarized = polarization + (1 - polarization) * (1 - 2 * own2) ** 2
    lorentz = 0.5 / (sine**2 * (1 - own2).sqrt())
    exponent = phases.grains[phase] * normal - 0.5 * phases.b[phase] * inverse_d2
    return polarized * lorentz * exponent.exp()


def _shared_out(area: Tensor, phase: Tensor, phases: SimpleNamespace) -> Tensor:
    """Second phases brought to their share of the first; the weakest lines left out."""
    none = torch.zeros_like(phases.share)
    strongest = none.scatter_reduce(0, phase, area, "amax", include_self=True)
    scale = phases.share * strongest[phases.pattern] / strongest
    return torch.where(area < WEAKEST * strongest[phase], 0.0, area * scale[phase])


def _placed(
    pattern: Tensor, sine: Tensor, area: Tensor, line: Tensor, conditions: SimpleNamespace
) -> Lines:
    """Lines of one emission line: axial divergence, zero and displacement."""
    apparent = sine * line[pattern]
    theta = torch.asin(apparent.clamp_max(0.999999))
    position = (
        axial_shift(2 * torch.rad2deg(theta))
        + conditions.zero[pattern]
        + conditions.displacement[pattern] * theta.cos()
    )
    inside = (position > START - MARGIN) & (position < STOP + MARGIN)
    return Lines(pattern, position, torch.where(inside, area, 0.0))
