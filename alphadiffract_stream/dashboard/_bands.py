"""Stretches of a scan with one answer, for the strip beside the waterfall."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ._frame import Frame


@dataclass(frozen=True, slots=True)
class Band:
    """Consecutive frames of one crystal system."""

    crystal_system: str
    """'' where no network answered."""
    first: int
    """seq_num."""
    last: int
    frames: int
    space_group_number: int
    """The commonest in the band."""
    space_group_symbol: str


def bands(frames: Iterable[Frame]) -> list[Band]:
    """Bands in the order of the frames. Frames that are not answered yet end the last band."""
    found: list[Band] = []
    groups: dict[tuple[int, str], int] = {}
    for frame in frames:
        if frame.prediction is None:
            continue
        system, number = frame.phase
        symbol = str(frame.prediction.get("space_group_symbol", "")) if number else ""
        if not found or found[-1].crystal_system != system:
            groups = {}
            found.append(Band(system, frame.seq_num, frame.seq_num, 0, number, symbol))
        groups[number, symbol] = groups.get((number, symbol), 0) + 1
        commonest = max(groups, key=lambda group: groups[group])
        found[-1] = Band(system, found[-1].first, frame.seq_num, found[-1].frames + 1, *commonest)
    return found
