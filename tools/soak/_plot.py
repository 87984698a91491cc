"""Memory and latency over time, as one figure."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from ._soak import Soaked


def plot(found: Soaked, path: Path) -> None:
    """Write a PNG or SVG, by `path`'s ending."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    memory, latency = figure.subplots(2, sharex=True)
    minutes = [at / 60 for at, _ in found.memory]
    memory.plot(minutes, [held / 2**20 for _, held in found.memory])
    memory.set(ylabel="resident, MiB", ylim=(0, None))
    middles = [minute + 0.5 for minute in range(len(found.minutes))]
    latency.plot(middles, [spread.p50 for spread in found.minutes], label="p50")
    latency.plot(middles, [spread.p99 for spread in found.minutes], label="p99")
    latency.set(xlabel="minutes", ylabel="end to end, ms", yscale="log")
    latency.legend(frameon=False)
    figure.savefig(path, dpi=110)
