"""Judges for curation tests: importable, since they run in other processes."""

from __future__ import annotations

import os

from training.curation import Entry, Kept, Rejected, Tolerances, judge


def dies_at_rutile(entry: Entry, tolerances: Tolerances) -> list[Kept | Rejected]:
    """As a C library might that meets a structure it cannot bear."""
    if "rutile" in entry.content:
        os._exit(9)
    return judge(entry, tolerances)


def refuses_to_work(entry: Entry, tolerances: Tolerances) -> list[Kept | Rejected]:
    """For parts that must not be judged again."""
    raise AssertionError(f"{entry.name} was judged again")


def interrupted_at_rutile(entry: Entry, tolerances: Tolerances) -> list[Kept | Rejected]:
    """As when a person presses Ctrl-C."""
    if "rutile" in entry.content:
        raise KeyboardInterrupt
    return judge(entry, tolerances)
