"""What makes a measured pattern unlike a computed one, each with strengths, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..patterns import KEY, MEASURED, Augmentation

Changes = Mapping[str, float]

CLEAN = KEY._replace(own_step_probability=1.0, lab_probability=1.0)
"""A laboratory scan with narrow lines, one wavelength, hardly any noise and nothing else."""
MIXED = MEASURED._replace(own_step_probability=1.0, lab_probability=1.0)
"""A laboratory scan with every cause as the shipped networks are trained."""

NOISE = (
    "paper_noise_probability",
    "log_lambda_min",
    "log_lambda_max",
    "log_sigma_min",
    "log_sigma_max",
)
WIDTHS = (
    "microstrain_min",
    "microstrain_max",
    "size_min",
    "size_max",
    "u_max",
    "v_min",
    "w_max",
    "sharp_probability",
)


@dataclass(frozen=True, slots=True)
class Level:
    """One strength of a cause."""

    strength: str
    """As a person reads it. Angles are degrees at 20 keV: at Cu Kα some 2.5 times as many."""
    changes: Changes
    """To an `Augmentation` without the cause."""
    step: float | None = None
    """Of the scan, degrees; None leaves it."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that can be switched on and off. The first level is that of training, always on."""

    name: str
    levels: tuple[Level, ...]
    off: Changes
    """To `MEASURED`: as if training knew nothing of it."""
    of: Literal["both", "scans", "training"] = "both"
    """Where it can be switched off."""


def _taken(base: Augmentation, names: tuple[str, ...]) -> dict[str, float]:
    return {name: getattr(base, name) for name in names}


def _counts(counts: float, electronic: float) -> dict[str, float]:
    fixed = (0.0, counts, counts, electronic, electronic)
    return dict(zip(NOISE, fixed, strict=True))


def _chance(name: str, told: str, **values: float) -> Level:
    return Level(told, {f"{name}_probability": 1.0, **values})


CAUSES = (
    Cause(
        "line widths",
        (Level("the paper's Table 5", _taken(MEASURED, WIDTHS)),),
        _taken(KEY, WIDTHS),
        of="scans",
    ),
    Cause(
        "noise",
        (
            Level("as in training", _taken(MEASURED, NOISE)),
            Level("1000 counts, 1 %", _counts(1000, 0.01)),
            Level("100 counts, 3 %", _counts(100, 0.03)),
            Level("20 counts, 10 %", _counts(20, 0.1)),
        ),
        _taken(KEY, NOISE),
        of="scans",
    ),
    Cause(
        "own step",
        (Level("0.02°", {}, step=0.02), Level("0.05°", {}, step=0.05)),
        {"own_step_probability": 0.0},
        of="training",
    ),
    Cause(
        "strain",
        (
            Level("2 %, 0.7°", _taken(MEASURED, ("strain", "strain_angle"))),
            Level("1 %, 0.35°", {"strain": 0.01, "strain_angle": 0.35}),
            Level("4 %, 1.4°", {"strain": 0.04, "strain_angle": 1.4}),
        ),
        {"strain": 0.0, "strain_angle": 0.0},
    ),
    Cause(
        "zero shift",
        (Level("σ 0.015°", {"zero_shift": 0.015}), Level("σ 0.03°", {"zero_shift": 0.03})),
        {"zero_shift": 0.0},
    ),
    Cause(
        "displacement",
        (Level("σ 0.01°", {"displacement": 0.01}), Level("σ 0.03°", {"displacement": 0.03})),
        {"displacement": 0.0},
    ),
    Cause(
        "texture",
        (
            _chance("texture", "σ(ln r) 0.5", texture_sigma=0.5),
            _chance("texture", "σ(ln r) 0.25", texture_sigma=0.25),
            _chance("texture", "σ(ln r) 1", texture_sigma=1.0),
        ),
        {"texture_probability": 0.0},
    ),
    Cause(
        "grains",
        (
            _chance("grain", "σ up to 0.5", grain_sigma=0.5),
            _chance("grain", "σ up to 1", grain_sigma=1.0),
        ),
        {"grain_probability": 0.0},
    ),
    Cause(
        "thermal motion",
        (
            Level("ΔB up to 1 Å²", {"displacement_b": 1.0}),
            Level("up to 2 Å²", {"displacement_b": 2.0}),
        ),
        {"displacement_b": 0.0},
    ),
    Cause("doublet", (_chance("doublet", "Kα2 left in"),), {"doublet_probability": 0.0}),
    Cause(
        "background",
        (
            _chance("background", "up to 5 %", background_max=0.05),
            _chance("background", "up to 20 %", background_max=0.2),
        ),
        {"background_probability": 0.0},
    ),
    Cause(
        "humps",
        (
            _chance("hump", "up to 6 %", hump_max=0.06),
            _chance("hump", "up to 20 %", hump_max=0.2),
        ),
        {"hump_probability": 0.0},
    ),
    Cause(
        "impurity lines",
        (
            _chance("impurity", "5 lines up to 8 %", impurity_max=0.08),
            _chance("impurity", "5 lines up to 3 %", impurity_max=0.03),
            _chance("impurity", "5 lines up to 20 %", impurity_max=0.2),
        ),
        {"impurity_probability": 0.0},
    ),
    Cause(
        "second phase",
        (
            _chance("second_phase", "up to 10 %", second_phase_max=0.1),
            _chance("second_phase", "up to 30 %", second_phase_max=0.3),
        ),
        {"second_phase_probability": 0.0},
    ),
    Cause("saturation", (_chance("saturation", "at 30 to 90 %"),), {"saturation_probability": 0.0}),
    Cause(
        "truncation", (_chance("truncation", "60 to 100 % kept"),), {"truncation_probability": 0.0}
    ),
    Cause("clipping", (_chance("clip", "at the median"),), {"clip_probability": 0.0}),
)
"""In the order of a report."""


def causes_named(text: str) -> tuple[Cause, ...]:
    """Causes of a list like ``background+humps``. Raises ValueError for a name that is none."""
    known = {cause.name: cause for cause in CAUSES}
    names = [name.strip().replace("-", " ") for name in text.split("+")]
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is not one of {', '.join(known)}")
    return tuple(known[name] for name in names)
