"""What reading HDF5 in a process of its own costs, beside reading it in this one.

python tools/measure_hdf5.py [--points 4096] [--rounds 200]
python tools/measure_hdf5.py --damage 6000   # what libhdf5 makes of files with one byte changed
"""

from __future__ import annotations

import argparse
import logging
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np

from alphadiffract_stream.errors import PatternError
from alphadiffract_stream.sources import Hdf5Reader, read_results
from alphadiffract_stream.sources._assembler import Reference
from alphadiffract_stream.sources._hdf5_process._rows import read_rows

FRAMES = 100


def main() -> None:
    """Print a table in Markdown: medians, alternately measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--damage", type=int, help="files with one byte changed")
    asked = parser.parse_args()
    if asked.damage:
        damage(asked.damage)
        return
    with tempfile.TemporaryDirectory() as folder, closing(Hdf5Reader()) as reader:
        one = write(Path(folder) / "one.nxs", 1, asked.points)
        stack = write(Path(folder) / "stack.nxs", FRAMES, asked.points)
        began = time.perf_counter()
        consume(one, reader)
        print(f"first file, the process started for it: {time.perf_counter() - began:.2f} s\n")
        reference = Reference("", "", "", "/entry/data/I", FRAMES // 2, (asked.points,))
        print("| what is read | here, ms | in the process, ms | more, ms |")
        print("|---|---|---|---|")
        row("a file of one pattern", asked.rounds, 1,
            lambda: consume(one), lambda: consume(one, reader))  # fmt: skip
        row(f"a pattern of a file of {FRAMES}", asked.rounds // 10, FRAMES,
            lambda: consume(stack), lambda: consume(stack, reader))  # fmt: skip
        row("an event's row", asked.rounds, 1,
            lambda: read_rows(stack, reference), lambda: reader.rows(stack, reference))  # fmt: skip


def damage(count: int) -> None:
    """Count what becomes of files with one byte changed, of a seed."""
    logging.disable()
    rng = random.Random(0)  # noqa: S311 - to be repeated, not to be secret
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, closing(Hdf5Reader(3.0)) as reader:
        seed = write(Path(folder) / "seed.nxs", 1, 16).read_bytes()
        for number in range(count):
            at = rng.randrange(len(seed))
            path = Path(folder) / f"{number}.nxs"
            path.write_bytes(seed[:at] + rng.randbytes(1) + seed[at + 1 :])
            try:
                consume(path, reader)
                ends["read"] += 1
            except PatternError as error:
                _, lost, reason = str(error).partition("libhdf5 ")
                ends[reason.partition(";")[0] if lost else "refused"] += 1
            path.unlink()
    print(f"libhdf5 {h5py.version.hdf5_version}, {len(seed)} bytes: {dict(ends)}")


def consume(path: Path, hdf5: Hdf5Reader | None = None) -> None:
    """Read all patterns of a file."""
    for _ in read_results(path, hdf5=hdf5):
        pass


def row(what: str, rounds: int, parts: int, here: Callable, there: Callable) -> None:
    """Time both, one after the other, so that what else the machine does falls on both."""
    times = [(seconds(here), seconds(there)) for _ in range(rounds)]
    a, b = (1000 * statistics.median(column) / parts for column in zip(*times, strict=True))
    print(f"| {what} | {a:.2f} | {b:.2f} | {b - a:.2f} |")


def seconds(call: Callable) -> float:
    """Of one call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def write(path: Path, frames: int, points: int) -> Path:
    """NXazint1d with standard deviations, a chunk a frame."""
    counts = np.random.default_rng(0).poisson(100.0, (frames, points)).astype(float)
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry.attrs.update({"NX_class": "NXentry", "default": "data"})
        mono = entry.create_group("monochromator")
        mono.attrs["NX_class"] = "NXmonochromator"
        mono["energy"] = 20.0
        mono["energy"].attrs["units"] = "keV"
        data = entry.create_group("data")
        data.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": [".", "radial_axis"]})
        for name, values in (("I", counts), ("I_errors", np.sqrt(counts))):
            data.create_dataset(name, data=values, chunks=(1, points))
        data["radial_axis"] = np.linspace(2, 40, points)
        data["radial_axis"].attrs.update({"units": "degree", "long_name": "2theta (degree)"})
    return path


if __name__ == "__main__":
    main()
