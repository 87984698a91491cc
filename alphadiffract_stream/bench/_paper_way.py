"""The paper's way, as a yardstick: eager torch, members one after another, one pattern a call.

It belongs to the training code, which the service never imports, so it runs in a process of its
own: a line in, a JSON list of ms out, which lets it take turns with the engine it is compared to.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from ..engines import Engine
from ..errors import ConfigurationError
from ._batches import canonical_rows
from ._plan import Plan
from ._timing import Spread, interleaved

COMMAND = (sys.executable, "-m", "training.paper_way")
_TURNS = 5


@dataclass(frozen=True, slots=True)
class PaperWayTimes:
    """The paper's way beside the first engine, in turns; ms a pattern."""

    description: str
    members: int
    device: str
    call: Spread
    engine: Spread
    ratio: float
    """How many times faster the engine is, by medians."""


def time_paper_way(engine: Engine, plan: Plan) -> PaperWayTimes:
    """Raises ConfigurationError without torch or the training code."""
    command = [*COMMAND, "--members", str(plan.members)]
    row = canonical_rows(plan)[:1]
    ours: list[Spread] = []
    theirs: list[float] = []
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            about = _line(process)
            seconds = plan.seconds / 10
            for _ in range(_TURNS):
                assert process.stdin is not None
                process.stdin.write(f"{seconds}\n")
                process.stdin.flush()
                theirs += _line(process)
                ours.append(interleaved({"": lambda: engine.run(row)}, seconds / 2)[""])
        finally:
            process.terminate()
    call, best = Spread.of(theirs), sorted(ours, key=lambda spread: spread.p50)[_TURNS // 2]
    return PaperWayTimes(
        about["description"], about["members"], about["device"], call, best, call.p50 / best.p50
    )


def _line(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    assert process.stderr is not None
    if line := process.stdout.readline():
        return json.loads(line)
    said = process.stderr.read().strip().splitlines()
    raise ConfigurationError(
        "the paper's way needs torch and a checkout of the project to run in "
        f"(pip install 'alphadiffract-stream[train]'): {said[-1] if said else 'no answer'}"
    )
