"""How long a detector frame takes to become a pattern, and how long the event loop waits for it.

python tools/measure_integration.py
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from pyFAI.detectors import Detector
from pyFAI.integrator.azimuthal import AzimuthalIntegrator

from alphadiffract_stream.integration import METHOD, Integrator

SIDES = (1024, 2048)
METHODS = (METHOD, ("bbox", "csr", "cython"), ("bbox", "histogram", "cython"))


def calibration(path: Path, side: int) -> Path:
    """PONI of a detector 0.41 m wide, 0.35 m behind the sample."""
    pixel = 0.41 / side
    detector = Detector(pixel1=pixel, pixel2=pixel, max_shape=(side, side))
    geometry = AzimuthalIntegrator(
        dist=0.35, poni1=0.2, poni2=0.2, detector=detector, wavelength=0.4133e-10
    )
    geometry.save(str(path))
    return path


def timed(work: Any, times: int) -> float:
    """Median milliseconds of one call."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(1e3 * (time.perf_counter() - began))
    return statistics.median(taken)


def longest_stop(work: Any) -> float:
    """Milliseconds that another Python thread stood still at most while `work` went on."""
    gaps, done = [0.0], threading.Event()

    def watch() -> None:
        last = time.perf_counter()
        while not done.is_set():
            time.sleep(0.0005)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    watcher = threading.Thread(target=watch)
    watcher.start()
    work()
    done.set()
    watcher.join()
    return 1e3 * max(gaps)


def main(times: Annotated[int, typer.Option(help="Frames of each kind.")] = 20) -> None:
    """Table rows: pixels, bins, method, preparation, median, longest stop of another thread."""
    print("| frame | bins | method | once, s | each, ms | another thread waits, ms |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for side in SIDES:
            poni = calibration(Path(folder) / f"{side}.poni", side)
            frame = np.random.default_rng(0).poisson(50, (side, side)).astype(np.uint32)
            for method in METHODS:
                began = time.perf_counter()
                integrator = Integrator(poni, error_model="poisson", method=method)
                once = time.perf_counter() - began
                each = timed(lambda one=integrator, f=frame: one.integrate(f), times)
                stop = longest_stop(
                    lambda one=integrator, f=frame: timed(lambda: one.integrate(f), 10)
                )
                print(
                    f"| {side} x {side} | {integrator.npt} | {'/'.join(method)} | {once:.2f} "
                    f"| {each:.1f} | {stop:.1f} |"
                )


if __name__ == "__main__":
    typer.run(main)
