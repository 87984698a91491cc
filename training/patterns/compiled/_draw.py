"""Compiled: one training pattern and its label from one crystal's reflections."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._axis import CANONICAL, CU_K_ALPHA1, CU_K_ALPHA2, CU_MEAN, POINTS, START, STOP
from ._crystal import is_reduced, march_dollase, metric, parameters, strained, system_of
from ._instrument import add_background, own_axis, sample, to_grid
from ._noise import add_noise
from ._peaks import add_peak, axial_shift, widths


@njit(cache=True, nogil=True)
def chance(probability):
    """True with `probability`."""
    return np.random.random() < probability


@njit(cache=True, nogil=True)
def log_uniform(low, high):
    """Between `low` and `high`, uniform in the logarithm."""
    return np.exp(np.random.uniform(np.log(low), np.log(high)))


@njit(cache=True, nogil=True)
def draw_broadening(a):
    """size, microstrain, U, V, W: Table 5, optionally skewed to the sharp end."""
    skew = 2.5 if chance(a.sharp_probability) else 1.0
    strain = np.random.random() ** skew * (a.microstrain_max - a.microstrain_min)
    size = a.size_max - np.random.random() ** skew * (a.size_max - a.size_min)
    u, v, w = np.random.uniform(0, a.u_max), np.random.uniform(a.v_min, 0), a.w_max
    return size, a.microstrain_min + strain, u, v, w * np.random.random()


@njit(cache=True, nogil=True)
def strained_metric(cell, system, to_niggli, a):
    """Metric tensor of a strained cell whose Niggli cell is still reduced; else the unstrained."""
    for _ in range(4):
        g = metric(strained(cell, system, a.strain, a.strain_angle))
        niggli = to_niggli @ g @ to_niggli.T
        if is_reduced(niggli):
            return g, niggli
    g = metric(cell.astype(np.float64))
    return g, to_niggli @ g @ to_niggli.T


@njit(cache=True, nogil=True)
def peak_heights(hkl, strength, g_star, rotations, count, polarization, ratio, a):
    """sinθ at 20 keV and intensity of each reflection: Lorentz, texture, grains, B.

    `ratio` is the instrument's wavelength over the canonical one.
    """
    n = strength.size
    sine, area = np.empty(n), np.empty(n)
    texture = chance(a.texture_probability)
    r = min(max(np.exp(np.random.normal(0, a.texture_sigma)), 0.25), 3.0)
    axis = np.array([1.0 * (np.random.random() < 0.5) for _ in range(3)])
    if axis.sum() == 0:
        axis[np.random.randint(3)] = 1.0
    grains = np.random.uniform(0, a.grain_sigma) if chance(a.grain_probability) else 0.0
    b = np.random.uniform(-0.3, 1.0) * a.displacement_b
    for k in range(n):
        h = hkl[k].astype(np.float64)
        d2 = 1.0 / (h @ (g_star @ h))
        sine[k] = CANONICAL / (2 * np.sqrt(d2))
        own = min(0.99, sine[k] * ratio)
        cos2 = (1 - 2 * own * own) ** 2
        lorentz = 1 / (2 * sine[k] ** 2 * np.sqrt(1 - own * own))
        value = strength[k] * (polarization + (1 - polarization) * cos2) * lorentz
        value *= np.exp(-b / (2 * d2))
        if texture:
            value *= march_dollase(h, g_star, axis, r, rotations, count)
        if grains > 0:
            value *= np.exp(np.random.normal(0, grains))
        area[k] = value
    return sine, area


@njit(cache=True, nogil=True)
def add_lines(pattern, sine, area, broadening, line, zero, shift):
    """All peaks of one emission line (its λ over the one the axis was converted with)."""
    size, microstrain, u, v, w = broadening
    strongest = 0.0
    for k in range(sine.size):
        strongest = max(strongest, area[k])
    for k in range(sine.size):
        if area[k] < 1e-5 * strongest or sine[k] * line >= 1:
            continue
        theta = np.arcsin(sine[k] * line)
        position = axial_shift(2 * np.degrees(theta)) + zero + shift * np.cos(theta)
        if START - 0.05 < position < STOP + 0.05:
            fwhm, eta = widths(position, size, microstrain, u, v, w, CANONICAL)
            add_peak(pattern, position, area[k], fwhm, eta, 3e-4 * strongest / fwhm)


@njit(cache=True, nogil=True)
def add_impurities(pattern, broadening, a):
    """Extra lines that belong to no phase named."""
    size, microstrain, u, v, w = broadening
    peak = pattern.max()
    for _ in range(1 + np.random.poisson(a.impurity_lines)):
        position = np.random.uniform(START, STOP)
        fwhm, eta = widths(position, size, microstrain, u, v, w, CANONICAL)
        height = peak * a.impurity_max * np.random.random() ** 2
        add_peak(pattern, position, height * fwhm, fwhm, eta, 1e-4 * peak)


@njit(cache=True, nogil=True)
def add_floor(pattern, a):
    """Background and hump."""
    level = 0.0
    if chance(a.background_probability):
        level = a.background_max * np.random.random() ** 2
    hump = 0.0
    if chance(a.hump_probability):
        hump = a.hump_max * np.random.random()
    steep = np.random.uniform(0, 4)
    centre, width = np.random.uniform(-0.1, 1.0), np.random.uniform(0.05, 0.3)
    if level > 0 or hump > 0:
        add_background(pattern, level, steep, hump, centre, width)


@njit(cache=True, nogil=True)
def draw_noise(a):
    """λmax and σrel."""
    if chance(a.paper_noise_probability):
        lambda_max = np.random.uniform(a.lambda_min, a.lambda_max)
        return lambda_max, np.random.uniform(a.sigma_min, a.sigma_max)
    lambda_max = log_uniform(a.log_lambda_min, a.log_lambda_max)
    return lambda_max, log_uniform(a.log_sigma_min, a.log_sigma_max)


@njit(cache=True, nogil=True)
def clip_baseline(values):
    """Subtract the median and cut what is then negative."""
    floor = np.median(values[::16])
    values[:] = np.maximum(values - floor, 0.0)


@njit(cache=True, nogil=True)
def measure(pattern, own, laboratory, wavelength, quantiles, a):
    """Noise (at the instrument's own step where it has one), background, clipping."""
    add_floor(pattern, a)
    lambda_max, sigma = draw_noise(a)
    if own:
        step = log_uniform(a.step_min, a.step_max) * wavelength / CANONICAL
        if laboratory and chance(0.6):
            step = 0.01 if chance(0.6) else 0.02
        axis = own_axis(wavelength, CANONICAL, step)
        values = sample(pattern, axis)
        add_noise(values, lambda_max, sigma, quantiles)
        pattern[:] = to_grid(axis, values)
    else:
        add_noise(pattern, lambda_max, sigma, quantiles)
    if chance(a.clip_probability):
        clip_baseline(pattern)


@njit(cache=True, nogil=True)
def draw_stretch():
    """First point and number of points of a random stretch of at least 60 % of the grid."""
    kept = int(np.random.uniform(0.6, 1.0) * POINTS)
    return 0 if chance(0.5) else POINTS - kept, kept


@njit(cache=True, nogil=True)
def truncate(pattern):
    """Keep a stretch; the rest is 0, as uncovered points."""
    first, kept = draw_stretch()
    low = pattern[first : first + kept].min()
    pattern -= low
    pattern[:first] = 0.0
    pattern[first + kept :] = 0.0


@njit(cache=True, nogil=True)
def draw_one(crystal, other, tables, a, pattern, label):
    """Fill `pattern` (8192,) and `label` (6,) Niggli cell with one drawing of `crystal`.

    `other` is the crystal of a second phase, used with its probability.
    """
    own, laboratory, wavelength = draw_clean(crystal, other, tables, a, -1, pattern, label)
    measure(pattern, own, laboratory, wavelength, tables[-1], a)
    if chance(a.truncation_probability):
        truncate(pattern)


@njit(cache=True, nogil=True)
def stage(seed, number):
    """Begin a stage with random numbers of its own, unless `seed` is negative.

    So a cause switched on leaves what is drawn for the others as it was.
    """
    if seed >= 0:
        np.random.seed((16 * seed + number) % 2**32)


@njit(cache=True, nogil=True)
def draw_clean(crystal, other, tables, a, seed, pattern, label):
    """Everything up to the instrument's counting; `seed`: see `stage`.

    Returns whether there is an own step, whether it is a laboratory's, and the wavelength (Å).
    """
    numbers, cells, to_niggli, offsets, hkl, strength, rotations, counts, _ = tables
    stage(seed, 0)
    # Straight on the canonical grid means measured at 20 keV.
    own = chance(a.own_step_probability)
    laboratory = own and chance(a.lab_probability)
    wavelength = CANONICAL
    if own:
        wavelength = CU_MEAN if laboratory else log_uniform(0.35, 1.1)
    polarization = 0.5 if laboratory else 0.99
    conversion = CU_MEAN if not laboratory or chance(0.7) else CU_K_ALPHA1
    stage(seed, 9)
    zero = np.random.normal(0, a.zero_shift) if a.zero_shift > 0 else 0.0
    stage(seed, 10)
    shift = np.random.normal(0, a.displacement) if a.displacement > 0 else 0.0
    stage(seed, 11)
    doublet = laboratory and chance(a.doublet_probability)
    line = CU_K_ALPHA1 / conversion if laboratory else 1.0
    if laboratory and not doublet:
        line = 1.0
    pattern[:] = 0.0
    stage(seed, 1)
    broadening = draw_broadening(a)
    main_peak = 0.0
    stage(seed, 2)
    second = chance(a.second_phase_probability)
    for phase in range(2 if second else 1):
        index = crystal if phase == 0 else other
        system = system_of(numbers[index])
        stage(seed, 3 + 2 * phase)
        g, niggli = strained_metric(cells[index], system, to_niggli[index].astype(np.float64), a)
        stage(seed, 4 + 2 * phase)
        rows = slice(offsets[index], offsets[index + 1])
        sine, area = peak_heights(
            hkl[rows],
            strength[rows],
            np.linalg.inv(g),
            rotations[numbers[index] - 1],
            counts[numbers[index] - 1],
            polarization,
            wavelength / CANONICAL,
            a,
        )
        if phase == 0:
            label[:] = parameters(niggli)
            main_peak = area.max()
        else:
            area *= a.second_phase_max * np.random.random() * main_peak / area.max()
        add_lines(pattern, sine, area, broadening, line, zero, shift)
        if doublet:
            add_lines(pattern, sine, 0.5 * area, broadening, CU_K_ALPHA2 / conversion, zero, shift)
    stage(seed, 7)
    if chance(a.impurity_probability):
        add_impurities(pattern, broadening, a)
    stage(seed, 8)
    if chance(a.saturation_probability):
        ceiling = np.random.uniform(0.3, 0.9) * pattern.max()
        pattern[:] = np.minimum(pattern, ceiling)
    return own, laboratory, wavelength
