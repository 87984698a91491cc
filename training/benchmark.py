"""``python -m training.benchmark CONFIG --data PACK``: rates of drawing and of training, as JSON.

Run it first on a new machine: it also compares the Fourier sum with the exact one there. torch and
numpy alone. Rates are medians over repeats, after warming up, with the device waited for.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from .patterns import Augmentation
from .patterns.device import DeviceDrawer, fourier_error
from .reflections import ReflectionStore, SymmetryTables
from .trainer import Run, TrainingConfig, Workers, read_config, training_step


def main(arguments: list[str] | None = None) -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m training.benchmark", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path, help="overrides data.reflections")
    parser.add_argument("--batches", type=int, nargs="+", default=[512, 1024, 2048])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--compiled", action="store_true", help="also with torch.compile")
    options = parser.parse_args(arguments)
    config = read_config(options.config).on_data(options.data)
    config = replace(config, data=replace(config.data, engine="device", validation_patterns=1))
    workers = Workers.join()
    device, repeats = workers.device, options.repeats
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    result: dict[str, Any] = {"device": name, "torch": torch.__version__}
    began = time.perf_counter()
    store = ReflectionStore.load(config.data.reflections)
    symmetry = SymmetryTables.load(config.data.reflections)
    result["load_seconds"] = time.perf_counter() - began
    augmentation = config.data.drawn_with()
    result["fourier_error"] = fourier_error(store, symmetry, augmentation, device)
    for size in options.batches:
        rate = drawing_rate(store, symmetry, augmentation, device, size, repeats)
        result[f"drawn_per_second_{size}"] = rate
        for compiled in (False, True) if options.compiled else (False,):
            trial = replace(config, batch_size=size, compile=compiled)
            label = f"trained_per_second_{size}" + ("_compiled" if compiled else "")
            result[label] = training_rate(trial, workers, repeats)
        print(json.dumps(result), flush=True)
    if device.type == "cuda":
        result["memory_gib"] = torch.cuda.max_memory_allocated() / 2**30
    print(json.dumps({k: round(v, 6) if isinstance(v, float) else v for k, v in result.items()}))


def drawing_rate(
    store: ReflectionStore,
    symmetry: SymmetryTables,
    augmentation: Augmentation,
    device: torch.device,
    size: int,
    repeats: int,
) -> float:
    """Patterns a second of the drawer alone."""
    drawer = DeviceDrawer(store, symmetry, augmentation, device)
    rng = np.random.default_rng(0)

    def draw(number: int) -> None:
        drawer.draw(rng.integers(len(store), size=size), number)

    return size / _seconds(draw, device, repeats)


def training_rate(config: TrainingConfig, workers: Workers, repeats: int) -> float:
    """Patterns a second of drawing and training together."""
    with TemporaryDirectory() as folder:
        run = Run.open(config, Path(folder), workers, None)
    batches = run.loader.batches()
    seconds = _seconds(lambda _: training_step(run, next(batches), 1.0), workers.device, repeats)
    return config.batch_size / seconds


def _seconds(work: Callable[[int], Any], device: torch.device, repeats: int) -> float:
    """Median of `repeats`, after three to warm up."""
    seconds = []
    for number in range(repeats + 3):
        if device.type == "cuda":
            torch.cuda.synchronize()
        began = time.perf_counter()
        work(number)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return median(seconds[3:])


if __name__ == "__main__":
    main()
