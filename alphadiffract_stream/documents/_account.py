"""What became of the events of one raw run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """Counts for the stop document: received = predicted + refused + failed."""

    received: int = 0
    predicted: int = 0
    refused: int = 0
    failed: int = 0
    missing: int = 0
    """Events the raw run declares, or a gap shows, that never came."""
    missing_seq_nums: tuple[int, ...] = ()
    """Their raw `seq_num`, ascending; may be cut short where there are very many."""
    skipped: int = 0
    """Of the refused ones, those passed over for newer patterns (policy ``latest``)."""
