"""All entries over a pool of processes; a run that was killed goes on where it was.

Nothing is judged twice, and the result does not depend on how often the run was interrupted nor on
how many processes there were.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from pathlib import Path

from ..structures import LEFT_OUT
from ._analysis import Tolerances
from ._entries import Entry
from ._errors import CurationError
from ._judge import Kept, Rejected, judge
from ._parts import ENDING, Files, Part, join
from ._report import CurationReport, summarize
from ._rules import READABLE
from ._sources import Source

PART = 256
"""Entries in a part."""

Judge = Callable[[Entry, Tolerances], list[Kept | Rejected]]


def curate(
    sources: list[Source],
    output: Path,
    *,
    tolerances: Tolerances | None = None,
    processes: int = 1,
    part: int = PART,
    judge: Judge = judge,
    progress: Callable[[int], None] = lambda done: None,
) -> CurationReport:
    """Judge every entry of `sources` and write what passed to `output` (``.jsonl.xz``).

    Beside it: ``.rejected.jsonl`` names each entry left out, ``.json`` holds the report. Raises
    CurationError where the folder of parts is of another curation. `progress` gets numbers of
    entries. `judge` must be importable: it runs in other processes.
    """
    tolerances = tolerances or Tolerances()
    files = Files.of(output)
    _begin(files, sources, tolerances, part)
    entries = (entry for source in sources for entry in source.entries())
    parts = (Part(files.parts / f"{n:06d}", c) for n, c in enumerate(_chunks(entries, part)))
    for done in _run(parts, tolerances, processes, judge):
        progress(len(done.entries))
    report = summarize(sorted(files.parts.glob("*.counts.json")), sources, tolerances)
    join(sorted(files.parts.glob(f"*{ENDING}")), files.output)
    join(sorted(files.parts.glob(f"*{LEFT_OUT}")), files.rejected)
    files.report.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(files.parts)
    return report


def _begin(files: Files, sources: list[Source], tolerances: Tolerances, part: int) -> None:
    """Make the folder of parts, or see that the one there is of the same curation."""
    plan = json.dumps(
        {
            "sources": [source.fingerprint() for source in sources],
            "tolerances": tolerances.as_json(),
            "part": part,
        },
        indent=1,
    )
    written = files.parts / "plan.json"
    if written.exists() and written.read_text(encoding="utf-8") != plan:
        raise CurationError(
            f"{files.parts}: parts of another curation (other sources or tolerances, or files "
            "changed since); remove the folder or write to another output"
        )
    files.parts.mkdir(parents=True, exist_ok=True)
    written.write_text(plan, encoding="utf-8")


def _run(
    parts: Iterable[Part], tolerances: Tolerances, processes: int, judge: Judge
) -> Iterator[Part]:
    """Each part when it is done; a worker that dies costs the one entry that killed it."""
    suspects: list[Part] = []
    queue = iter(parts)
    while True:
        running: dict[Future[None], Part] = {}
        try:
            with _pool(processes) as pool:
                for part in queue:
                    if part.done:
                        yield part
                        continue
                    running[pool.submit(_judge_part, part, tolerances, judge)] = part
                    if len(running) >= 3 * processes:
                        yield from _finished(running)
                while running:
                    yield from _finished(running)
            break
        except BrokenProcessPool:
            suspects += [part for part in running.values() if not part.done]
            yield from (part for part in running.values() if part.done)
    for part in suspects:
        _judge_warily(part, tolerances, judge)
        yield part


def _finished(running: dict[Future[None], Part]) -> Iterator[Part]:
    """Those that are done by the time one is; each leaves `running` when it was seen to be well."""
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
        yield running.pop(future)


def _judge_part(part: Part, tolerances: Tolerances, judge: Judge) -> None:
    # Its C library writes on the terminal what the verdict says better.
    os.environ.setdefault("SPGLIB_WARNING", "OFF")
    part.write([v for entry in part.entries for v in judge(entry, tolerances)])


def _judge_warily(part: Part, tolerances: Tolerances, judge: Judge) -> None:
    """Entry by entry, in processes that may die."""
    verdicts: list[Kept | Rejected] = []
    queue = iter(part.entries)
    while True:
        entry = None
        try:
            with _pool(1) as pool:
                for entry in queue:
                    verdicts += pool.submit(judge, entry, tolerances).result()
            break
        except BrokenProcessPool:
            assert entry is not None
            remedy = "look whether it is huge or damaged; memory may have run out"
            reason = "the process that read it died"
            verdicts.append(Rejected(entry.name, READABLE.name, reason, {"remedy": remedy}))
    part.write(verdicts)


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))


def _chunks(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    iterator = iter(entries)
    while chunk := list(islice(iterator, size)):
        yield chunk
