"""What the spool costs a pattern: processor time, and the time until it is on disk.

    chrt -r 1 python -m tools.measure_spool FOLDER

FOLDER lies on the disk that is to be measured. Patterns are kept at a steady rate and answered one
moment later, as the service does it.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

import numpy as np

from alphadiffract_stream.pattern import Origin, Pattern, RadialUnit
from alphadiffract_stream.service import Metrics
from alphadiffract_stream.service._account import RunAccount
from alphadiffract_stream.service._spool import RunRow, Spool
from alphadiffract_stream.sources import PatternReceived

POINTS = 8192
AXIS = np.linspace(1, 40, POINTS)


class Kept:
    """A run that is written as the service's runs are."""

    uid = "run"

    def __init__(self) -> None:
        self.account = RunAccount()

    def record(self, documents: bool) -> RunRow:
        """Its account."""
        return RunRow(self.uid, {}, {}, {"account": self.account.state()})


def pattern(seq_num: int, rng: np.random.Generator) -> PatternReceived:
    """One of `POINTS` float32 counts and the same axis as the others."""
    origin = Origin("measure", "", "run", "d", f"e{seq_num}", seq_num, time.time())
    counts = rng.poisson(50, POINTS).astype(np.float32)
    data = {"temperature": 300.0 + seq_num, "ring_current": 200.0}
    return PatternReceived(
        Pattern(
            counts, AXIS, RadialUnit.TWO_THETA_DEG, 0.6, "start", origin=origin,
            metadata={"data": data, "timestamps": dict.fromkeys(data, time.time())},
        )
    )  # fmt: skip


async def measure(folder: Path, rate: float, seconds: float) -> str:
    """One row of the table."""
    spool, run = Spool(folder, 2 << 30, Metrics()), Kept()
    n = int(rate * seconds)
    rng = np.random.default_rng(1)
    messages = [pattern(i, rng) for i in range(1, n + 1)]
    since: dict[int, tuple[float, object]] = {}
    waits: list[float] = []
    on_loop = 0.0

    def kept() -> None:
        nonlocal on_loop
        now, began = time.perf_counter(), time.thread_time()
        for number, (when, entry) in list(since.items()):
            if entry.kept:  # type: ignore[attr-defined]
                del since[number]
                waits.append(now - when)
                run.account.receive("d", number)
                spool.done(entry, run)  # type: ignore[arg-type]
        on_loop += time.thread_time() - began

    spool.on_kept = kept
    spool.touch(run, documents=True)
    writer = asyncio.create_task(spool.run())
    cpu, begin = time.process_time(), time.perf_counter()
    for i, message in enumerate(messages):
        await asyncio.sleep(max(0.0, begin + i / rate - time.perf_counter()))
        began = time.thread_time()
        await spool.room()
        since[i + 1] = time.perf_counter(), spool.keep("run", message, parked=False)
        on_loop += time.thread_time() - began
    while spool.unfinished:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    took = time.perf_counter() - begin
    cpu = time.process_time() - cpu
    writer.cancel()
    await spool.close()
    p50, p99 = np.quantile(waits, [0.5, 0.99]) * 1e3
    return (
        f"{rate:7.0f} {n / took:9.0f} {cpu / n * 1e6:9.0f} {on_loop / n * 1e6:9.0f} "
        f"{p50:9.2f} {p99:9.2f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rates", type=float, nargs="+", default=[50, 200, 750, 2000])
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    print("patterns/s  reached  CPU µs/p  loop µs/p  kept p50 ms  p99 ms")
    for rate in given.rates:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            print(asyncio.run(measure(Path(folder), rate, given.seconds)), flush=True)


if __name__ == "__main__":
    main()
