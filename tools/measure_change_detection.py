"""How change detection fares with the shipped network on the demo's simulated samples.

python tools/measure_change_detection.py [--series N] [--patterns N] [--plot FILE]

First the rate of false alarms at fixed temperatures, with counting noise only; then the transitions
found while heating in steps of several sizes.
"""

from __future__ import annotations

import argparse
import math
from functools import cache
from pathlib import Path

import numpy as np
from rich.progress import track

from alphadiffract_stream.changes import ChangeDetector, Features, features_of_prediction
from alphadiffract_stream.demo import SAMPLES, Diffractometer, Sample
from alphadiffract_stream.engines import Engine, open_engine
from alphadiffract_stream.pattern import Pattern, wavelength_from_energy
from alphadiffract_stream.service import predict_each

STABLE = {"CaCO3": (350, 500, 650, 800, 900, 1150), "BaTiO3": (140, 230, 340, 450)}
"""K, each in a single phase."""
RATES = (1e-2, 1e-3)
STEPS = {"CaCO3": (16.0, 8.0), "BaTiO3": (10.0, 5.0, 2.0)}
"""K."""


@cache
def expected(sample: Sample, kelvin: float) -> np.ndarray:
    """Expected counts."""
    return Diffractometer(sample=sample).expected(kelvin)


def features(sample: Sample, kelvins: np.ndarray, seed: int, engine: Engine) -> list[Features]:
    """Features of noisy patterns at `kelvins`."""
    random = np.random.default_rng(seed)
    detector = Diffractometer(sample=sample)
    wavelength = wavelength_from_energy(detector.energy)
    patterns = (
        Pattern(
            random.poisson(expected(sample, float(kelvin))).astype(float),
            detector.two_theta,
            "2th_deg",
            wavelength,
        )
        for kelvin in kelvins
    )
    found = [features_of_prediction(p) for p in predict_each(patterns, engine)]
    return [f for f in found if f is not None]


def report_false_alarms(series: int, patterns: int, engine: Engine) -> None:
    """Print alarms, patterns and rate, with its 95 % interval."""
    alarms = dict.fromkeys(RATES, 0)
    judged = dict.fromkeys(RATES, 0)
    places = [(SAMPLES[n], t, s) for n, ts in STABLE.items() for t in ts for s in range(series)]
    for sample, kelvin, seed in track(places, "stable series"):
        rows = features(sample, np.full(patterns, float(kelvin)), 1000 + seed, engine)
        for rate in RATES:
            detector = ChangeDetector(rate)
            evidence = [detector.update(row) for row in rows]
            judged[rate] += sum(not e.learning for e in evidence)
            alarms[rate] += sum(e.change is not None for e in evidence)
    for rate in RATES:
        found = alarms[rate] / judged[rate]
        spread = 1.96 * math.sqrt(alarms[rate] + 1) / judged[rate]
        print(f"stated {rate:g}: {alarms[rate]} of {judged[rate]}: {found:.2g} ± {spread:.1g}")


def report_heating(seeds: int, engine: Engine) -> None:
    """Print, for each sample and step, which transitions were found and what else was called."""
    for name, steps in STEPS.items():
        sample = SAMPLES[name]
        for step in steps:
            kelvins = np.arange(sample.range[0], sample.range[1] + 1, step)
            found = np.zeros(len(sample.transitions), dtype=int)
            other = 0
            for seed in range(seeds):
                detector = ChangeDetector(1e-3)
                rows = features(sample, kelvins, seed, engine)
                since = [
                    change.since
                    for kelvin, row in zip(kelvins, rows, strict=True)
                    if (change := detector.update(row, float(kelvin)).change)
                ]
                # Within one step of the onset, or of the few kelvin of a sharp transition.
                onset = [
                    [
                        s
                        for s in since
                        if low - step <= s <= (high if high - low < 10 else low) + step
                    ]
                    for low, high in sample.transitions
                ]
                found += [bool(o) for o in onset]
                other += sum(
                    not any(low - step <= s <= high + step for low, high in sample.transitions)
                    for s in since
                )
            print(f"{name}, {step:g} K: found {found.tolist()} of {seeds}, elsewhere {other}")


def plot(path: Path, engine: Engine) -> None:
    """The statistic while heating, with the transitions."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(SAMPLES), 1, figsize=(9, 6), constrained_layout=True)
    for axis, (name, sample) in zip(axes, SAMPLES.items(), strict=True):
        step = STEPS[name][-1]
        kelvins = np.arange(sample.range[0], sample.range[1] + 1, step)
        detector = ChangeDetector(1e-3)
        rows = features(sample, kelvins, 0, engine)
        evidence = [detector.update(r, float(k)) for k, r in zip(kelvins, rows, strict=True)]
        axis.semilogy(kelvins, [max(e.statistic, 0.1) for e in evidence], ".-", color="#0072b2")
        axis.axhline(detector.threshold, color="black", linewidth=0.8, linestyle="--")
        for low, high in sample.transitions:
            axis.axvspan(low, high, color="#e69f00", alpha=0.4)
        axis.set_ylabel(f"evidence, {name}")
    axes[-1].set_xlabel("temperature / K (shaded: two phases; dashed: one false alarm in 1000)")
    figure.savefig(path, dpi=150)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=8)
    parser.add_argument("--patterns", type=int, default=300)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    engine = open_engine("onnx:")
    report_heating(given.series, engine)
    report_false_alarms(given.series, given.patterns, engine)
    if given.plot:
        plot(given.plot, engine)


if __name__ == "__main__":
    main()
