"""A furnace scan at a simulated beamline, analysed live by the service in another process."""

from __future__ import annotations

from typing import Any

from ._furnace import Diffractometer
from ._run import run_demo

__all__ = ["Diffractometer", "run_demo", "simulated_devices"]


def simulated_devices(*, exposure: float = 0.1, seed: int = 0) -> tuple[Any, Any, Any]:
    """Detector, monochromator and furnace of the demo, as ophyd devices for a RunEngine.

    exposure: seconds a frame. seed: of the counting noise. Raises ImportError without ophyd.
    """
    from ._devices import make_devices

    return make_devices(Diffractometer(), exposure=exposure, seed=seed)
