"""Where the time of a pattern goes."""

from __future__ import annotations

from collections.abc import Iterator

from ._histogram import Histogram

STAGES = {
    "decode": "Bytes or documents to a pattern, in the source.",
    "convert": "Pattern to the canonical grid.",
    "queue": "Waiting for room and for the engine.",
    "infer": "One call of the engine, with what becomes of its numbers; a call takes a batch.",
    "publish": "From its turn to be published until every sink has it.",
}
"""Stage → what it is; the label `stage` of ``alphadiffract_stage_seconds``."""


class Stages:
    """One histogram a stage, and one of the whole."""

    __slots__ = (*STAGES, "latency")

    def __init__(self) -> None:
        self.decode = Histogram()
        self.convert = Histogram()
        self.queue = Histogram()
        self.infer = Histogram()
        self.publish = Histogram()
        self.latency = Histogram()
        """From the pattern's reception to its turn to be published: gaps waited for included."""

    def __iter__(self) -> Iterator[tuple[str, Histogram]]:
        return ((name, getattr(self, name)) for name in STAGES)
