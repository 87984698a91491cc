"""What is varied from one drawing of a crystal to the next. Every cause has its own switch."""

from __future__ import annotations

from typing import NamedTuple


class Augmentation(NamedTuple):
    """Ranges and probabilities; plain numbers, so that compiled code takes it as it is.

    Angles are degrees 2θ at 20 keV unless said; amplitudes are shares of the strongest peak.
    """

    # Broadening: paper Table 5, uniform.
    microstrain_min: float = 500.0
    microstrain_max: float = 10_000.0
    size_min: float = 0.1
    size_max: float = 1.0
    u_max: float = 3.0
    v_min: float = -1.0
    w_max: float = 4.0
    sharp_probability: float = 0.0
    """Share of patterns with microstrain and size skewed to the sharp end."""

    # Noise: paper equations (1)–(3). λmax and σrel uniform (paper) or log-uniform.
    paper_noise_probability: float = 1.0
    lambda_min: float = 1.0
    lambda_max: float = 100.0
    sigma_min: float = 1e-3
    sigma_max: float = 1e-1
    log_lambda_min: float = 20.0
    log_lambda_max: float = 1e5
    log_sigma_min: float = 1e-4
    log_sigma_max: float = 2e-2

    # The instrument's own axis; 0 draws straight on the canonical grid.
    own_step_probability: float = 0.0
    lab_probability: float = 0.0
    """Of the patterns with an own step: share measured with Cu Kα and polarization 0.5."""
    doublet_probability: float = 0.0
    """Of the laboratory patterns: Kα2 still inside."""
    step_min: float = 0.002
    step_max: float = 0.02

    # The sample and its mounting.
    strain: float = 0.0
    """Largest symmetry-keeping relative change of each independent length."""
    strain_angle: float = 0.0
    """Largest change of each free angle, degrees."""
    zero_shift: float = 0.0
    """σ, degrees."""
    displacement: float = 0.0
    """σ of the cosθ shift, degrees."""
    texture_probability: float = 0.0
    """March–Dollase with ln r normal, σ = `texture_sigma`."""
    texture_sigma: float = 0.5
    grain_probability: float = 0.0
    """Few grains: each reflection times a log-normal factor of σ up to `grain_sigma`."""
    grain_sigma: float = 0.5
    displacement_b: float = 0.0
    """Largest change of the overall isotropic B, Å²."""

    # What else is in the pattern.
    background_probability: float = 0.0
    background_max: float = 0.0
    hump_probability: float = 0.0
    hump_max: float = 0.0
    impurity_probability: float = 0.0
    impurity_lines: float = 4.0
    """Mean number of extra lines."""
    impurity_max: float = 0.1
    second_phase_probability: float = 0.0
    second_phase_max: float = 0.1
    saturation_probability: float = 0.0
    truncation_probability: float = 0.0
    """Pattern that covers only a part of the grid."""
    clip_probability: float = 0.0
    """Baseline subtracted and negatives clipped, as data bases deliver it."""


PAPER = Augmentation()
"""Table 5 and equations (1)–(3), nothing else."""

MEASURED = Augmentation(
    sharp_probability=0.3,
    paper_noise_probability=0.3,
    own_step_probability=0.9,
    lab_probability=0.6,
    doublet_probability=0.7,
    strain=0.02,
    strain_angle=0.7,
    zero_shift=0.015,
    displacement=0.01,
    texture_probability=0.5,
    grain_probability=0.5,
    displacement_b=1.0,
    background_probability=0.5,
    background_max=0.05,
    hump_probability=0.25,
    hump_max=0.06,
    impurity_probability=0.35,
    impurity_max=0.08,
    second_phase_probability=0.12,
    second_phase_max=0.10,
    saturation_probability=0.05,
    truncation_probability=0.08,
    clip_probability=0.4,
)
"""As measured patterns are: the default of the shipped networks."""

KEY = PAPER._replace(
    microstrain_min=1000.0,
    microstrain_max=4000.0,
    size_min=0.3,
    paper_noise_probability=0.0,
    log_lambda_min=9e4,
    log_sigma_max=2e-4,
)
"""A crystal as its structure says, hardly noisy: what patterns are looked up among."""
