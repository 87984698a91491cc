"""A furnace scan at a simulated beamline, analysed live by the service in another process."""

from __future__ import annotations

from ._furnace import Diffractometer
from ._run import run_demo

__all__ = ["Diffractometer", "run_demo"]
