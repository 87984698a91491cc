"""ophyd devices of the simulated experiment, publishing as a beamline's would."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from ophyd import Component as Cpt
from ophyd import Device, Signal
from ophyd.status import DeviceStatus

from ._furnace import Diffractometer
from ._samples import CALCIUM_CARBONATE


class UnitSignal(Signal):
    """A signal that says its units and numpy type in its data key."""

    def __init__(self, *args: Any, units: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._units = units

    def describe(self) -> Any:
        description = super().describe()
        key = description[self.name]
        key["units"] = self._units
        key["dtype_numpy"] = np.asarray(self.get()).dtype.str
        return description


class SimulatedFurnace(Device):
    """A furnace that is as hot as it is told to be."""

    temperature = Cpt(UnitSignal, value=CALCIUM_CARBONATE.range[0], units="K", kind="hinted")

    def set(self, value: float) -> DeviceStatus:
        """Go to `value` K."""
        status = DeviceStatus(self)
        self.temperature.put(float(value))
        status.set_finished()
        return status

    @property
    def position(self) -> float:
        """K."""
        value: Any = self.temperature.get()
        return float(value)


class SimulatedMonochromator(Device):
    """Where the photon energy is published, as ``mono_energy``."""

    energy = Cpt(UnitSignal, units="keV", kind="normal")


class SimulatedDetector(Device):
    """Integrated powder patterns of whatever is in the furnace."""

    intensity = Cpt(UnitSignal, units="counts", kind="normal")
    two_theta = Cpt(UnitSignal, units="deg", kind="config")

    def __init__(
        self,
        *,
        furnace: SimulatedFurnace,
        diffractometer: Diffractometer,
        exposure: float,
        seed: int,
        name: str,
    ) -> None:
        super().__init__(name=name)
        self._furnace = furnace
        self._diffractometer = diffractometer
        self._exposure = exposure
        self._random = np.random.default_rng(seed)
        self.two_theta.put(diffractometer.two_theta)
        self.intensity.put(np.zeros(diffractometer.two_theta.shape))

    def trigger(self) -> DeviceStatus:
        """Expose one frame."""
        started = time.monotonic()
        counts = self._diffractometer.measure(self._furnace.position, self._random)
        time.sleep(max(0.0, self._exposure - (time.monotonic() - started)))
        self.intensity.put(counts)
        status = DeviceStatus(self)
        status.set_finished()
        return status


def make_devices(
    diffractometer: Diffractometer, *, exposure: float, seed: int
) -> tuple[Any, Any, Any]:
    """Detector, monochromator and furnace that belong together.

    ophyd's devices work in bluesky's plans, but its annotations predate bluesky's protocols.
    """
    furnace = SimulatedFurnace(name="furnace")
    furnace.set(diffractometer.sample.range[0])
    mono: Any = SimulatedMonochromator(name="mono")
    mono.energy.put(diffractometer.energy)
    detector = SimulatedDetector(
        furnace=furnace,
        diffractometer=diffractometer,
        exposure=exposure,
        seed=seed,
        name="detector",
    )
    return detector, mono, furnace
