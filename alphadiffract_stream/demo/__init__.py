"""A furnace scan at a simulated beamline, analysed live by the service in another process."""

from __future__ import annotations

from typing import Any

from ._furnace import Diffractometer
from ._run import run_demo
from ._samples import BARIUM_TITANATE, CALCIUM_CARBONATE, SAMPLES, Sample, sample_named

__all__ = [
    "BARIUM_TITANATE",
    "CALCIUM_CARBONATE",
    "SAMPLES",
    "Diffractometer",
    "Sample",
    "run_demo",
    "sample_named",
    "simulated_devices",
]


def simulated_devices(
    *, exposure: float = 0.1, seed: int = 0, sample: Sample = CALCIUM_CARBONATE
) -> tuple[Any, Any, Any]:
    """Detector, monochromator and furnace of the demo, as ophyd devices for a RunEngine.

    exposure: seconds a frame. seed: of the counting noise. sample: what is heated,
    e.g. ``BARIUM_TITANATE``. Raises ImportError without ophyd.
    """
    from ._devices import make_devices

    return make_devices(Diffractometer(sample=sample), exposure=exposure, seed=seed)
