"""Going on after a restart with the runs that were open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from ..sources import Remembered, Source
from ._outlet import Outlet
from ._run import Run


def resume(
    runs: Sequence[Run], sources: Sequence[Source], outlets: Sequence[Outlet], wait: float
) -> None:
    """Tell sources and sinks what they were told of `runs`, and go on with these.

    wait: s after which a run that nothing is heard of ends.
    """
    readers: dict[str, Callable[[list[Remembered]], None]] = {
        source.name: recall for source in sources if (recall := getattr(source, "recall", None))
    }
    names = {source.name for source in sources}
    remembered: dict[str, list[Remembered]] = {name: [] for name in readers}
    for run in runs:
        documents, last = run.published()
        for outlet in outlets:
            outlet.recall(documents)
        # A source that has another name now may still be the one that gave it.
        going_on = readers.keys() & run.sources or (
            set() if names & run.sources else readers.keys()
        )
        for name in going_on:
            remembered[name].append(Remembered(run.uid, run.memories(name), last))
        if going_on:
            asyncio.get_running_loop().call_later(wait, run.give_up, wait)
        else:
            run.finish("the service was restarted, and its source cannot go on with a run")
        run.advance()
    for name, recall in readers.items():
        recall(remembered[name])
