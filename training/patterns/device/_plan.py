"""What is drawn once a pattern: on the host, in numpy, so that the device is never waited for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...reflections import ReflectionStore
from .._augmentation import Augmentation
from .._axis import CANONICAL, CU_K_ALPHA1, CU_K_ALPHA2, CU_MEAN
from .._batch import class_labels
from ._cells import parameters, strained_metrics

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

LEAST_KEPT = 0.6
"""Of the grid, in a truncated pattern."""


@dataclass(frozen=True, slots=True, eq=False)
class Phases:
    """P ≥ B crystals: those of the B patterns in their order, then second phases."""

    crystal: Ints
    pattern: Ints
    """(P,) the pattern each is part of."""
    g_star: Floats
    """(P, 3, 3) Å⁻²."""
    share: Floats
    """(P,) strongest line over that of the pattern's own crystal; 1 for the own."""
    textured: Flags
    texture_r: Floats
    texture_axis: Floats
    """(P, 3) indices 0 or 1."""
    grains: Floats
    """(P,) σ of the log-normal factor of each line."""
    b: Floats
    """(P,) change of the overall B, Å²."""


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """(B,) each: how the sample was measured. Angles in degrees."""

    own: Flags
    """Measured at the instrument's own steps, not straight on the grid."""
    wavelength: Floats
    """Å."""
    polarization: Floats
    line: Floats
    """λ of the (first) line over the one the axis was converted with."""
    doublet: Flags
    second_line: Floats
    zero: Floats
    displacement: Floats
    step: Floats
    """Of the instrument, in its own angle."""
    offset: Floats
    size: Floats
    microstrain: Floats
    u: Floats
    v: Floats
    w: Floats
    ceiling: Floats
    """Share of the strongest point the detector saturates at; 1 where it does not."""
    background: Floats
    steepness: Floats
    hump: Floats
    hump_centre: Floats
    hump_width: Floats
    lambda_max: Floats
    sigma_rel: Floats
    clipped: Flags
    first: Floats
    last: Floats
    """Stretch of the grid that was measured: shares, 0 … 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Impurities:
    """Lines that belong to no phase, (I,) each."""

    pattern: Ints
    position: Floats
    """Share of the grid."""
    height: Floats
    """Share of the strongest point."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Everything about B patterns that is one number each."""

    phases: Phases
    conditions: Conditions
    impurities: Impurities
    crystal_system: Ints
    space_group: Ints
    lattice: Floats
    """(B, 6) Niggli cells."""


def draw_plan(
    store: ReflectionStore, crystals: Ints, a: Augmentation, rng: np.random.Generator
) -> Plan:
    """Draw what one pattern of each of `crystals` (B,) will be."""
    phases, niggli = _phases(store, crystals, a, rng)
    systems, groups = class_labels(store.space_group_number[crystals].astype(np.int64))
    return Plan(
        phases,
        _conditions(crystals.size, a, rng),
        _impurities(crystals.size, a, rng),
        systems,
        groups,
        parameters(niggli[: crystals.size]),
    )


def _phases(
    store: ReflectionStore, crystals: Ints, a: Augmentation, rng: np.random.Generator
) -> tuple[Phases, Floats]:
    second = np.flatnonzero(rng.random(crystals.size) < a.second_phase_probability)
    crystal = np.concatenate([crystals, rng.integers(len(store), size=second.size)])
    n = crystal.size
    systems, _ = class_labels(store.space_group_number[crystal].astype(np.int64))
    g, niggli = strained_metrics(
        store.cell[crystal].astype(np.float64),
        systems,
        store.to_niggli[crystal].astype(np.float64),
        a.strain,
        a.strain_angle,
        rng,
    )
    axis = (rng.random((n, 3)) < 0.5).astype(np.float64)
    none = np.flatnonzero(axis.sum(axis=1) == 0)
    axis[none, rng.integers(3, size=none.size)] = 1.0
    share = np.concatenate([np.ones(crystals.size), a.second_phase_max * rng.random(second.size)])
    phases = Phases(
        crystal=crystal,
        pattern=np.concatenate([np.arange(crystals.size), second]),
        g_star=np.linalg.inv(g).astype(np.float64),
        share=share,
        textured=rng.random(n) < a.texture_probability,
        texture_r=np.exp(rng.normal(0, a.texture_sigma, n)).clip(0.25, 3.0),
        texture_axis=axis,
        grains=np.where(rng.random(n) < a.grain_probability, rng.uniform(0, a.grain_sigma, n), 0.0),
        b=rng.uniform(-0.3, 1.0, n) * a.displacement_b,
    )
    return phases, niggli


def _conditions(n: int, a: Augmentation, rng: np.random.Generator) -> Conditions:
    def chance(probability: float) -> Flags:
        return rng.random(n) < probability

    def log_uniform(low: float, high: float) -> Floats:
        return np.exp(rng.uniform(np.log(low), np.log(high), n))

    # Straight on the canonical grid means measured at 20 keV.
    own = chance(a.own_step_probability)
    laboratory = own & chance(a.lab_probability)
    wavelength = np.where(laboratory, CU_MEAN, np.where(own, log_uniform(0.35, 1.1), CANONICAL))
    conversion = np.where(laboratory & ~chance(0.7), CU_K_ALPHA1, CU_MEAN)
    doublet = laboratory & chance(a.doublet_probability)
    step = log_uniform(a.step_min, a.step_max) * wavelength / CANONICAL
    fixed = np.where(chance(0.6), 0.01, 0.02)
    step = np.where(laboratory & chance(0.6), fixed, step)

    skew = np.where(chance(a.sharp_probability), 2.5, 1.0)
    paper_noise = chance(a.paper_noise_probability)
    kept = np.where(chance(a.truncation_probability), rng.uniform(LEAST_KEPT, 1.0, n), 1.0)
    first = np.where(chance(0.5), 0.0, 1.0 - kept)
    return Conditions(
        own=own,
        wavelength=wavelength,
        polarization=np.where(laboratory, 0.5, 0.99),
        line=np.where(doublet, CU_K_ALPHA1 / conversion, 1.0),
        doublet=doublet,
        second_line=CU_K_ALPHA2 / conversion,
        zero=rng.normal(0, 1, n) * a.zero_shift,
        displacement=rng.normal(0, 1, n) * a.displacement,
        step=step,
        offset=rng.random(n) * step,
        size=a.size_max - rng.random(n) ** skew * (a.size_max - a.size_min),
        microstrain=a.microstrain_min
        + rng.random(n) ** skew * (a.microstrain_max - a.microstrain_min),
        u=rng.uniform(0, a.u_max, n),
        v=rng.uniform(a.v_min, 0, n),
        w=a.w_max * rng.random(n),
        ceiling=np.where(chance(a.saturation_probability), rng.uniform(0.3, 0.9, n), 1.0),
        background=np.where(
            chance(a.background_probability), a.background_max * rng.random(n) ** 2, 0.0
        ),
        steepness=rng.uniform(0, 4, n),
        hump=np.where(chance(a.hump_probability), a.hump_max * rng.random(n), 0.0),
        hump_centre=rng.uniform(-0.1, 1.0, n),
        hump_width=rng.uniform(0.05, 0.3, n),
        lambda_max=np.where(
            paper_noise,
            rng.uniform(a.lambda_min, a.lambda_max, n),
            log_uniform(a.log_lambda_min, a.log_lambda_max),
        ),
        sigma_rel=np.where(
            paper_noise,
            rng.uniform(a.sigma_min, a.sigma_max, n),
            log_uniform(a.log_sigma_min, a.log_sigma_max),
        ),
        clipped=chance(a.clip_probability),
        first=first,
        last=first + kept,
    )


def _impurities(n: int, a: Augmentation, rng: np.random.Generator) -> Impurities:
    lines = np.where(
        rng.random(n) < a.impurity_probability, 1 + rng.poisson(a.impurity_lines, n), 0
    )
    total = int(lines.sum())
    return Impurities(
        pattern=np.repeat(np.arange(n), lines),
        position=rng.random(total),
        height=a.impurity_max * rng.random(total) ** 2,
    )
