"""One cause at a time on clean scans, and everything but one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ..patterns import Augmentation
from ._catalogue import CAUSES, CLEAN, MIXED, Cause

CLEAN_NAME, MIXED_NAME = "nothing", "everything"
STEP = 0.01
"""Degrees at Cu Kα."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How a set of scans is drawn."""

    name: str
    augmentation: Augmentation
    step: float = STEP
    beside: str | None = None
    """The condition it is compared with."""

    @property
    def digest(self) -> str:
        """Of all that decides what is drawn."""
        text = repr((tuple(self.augmentation), self.step))
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def conditions(causes: tuple[Cause, ...] = CAUSES, levels: int | None = None) -> list[Condition]:
    """Clean; everything; each cause alone at its first `levels`; everything but each cause."""
    alone = [
        Condition(
            f"{cause.name}: {level.strength}",
            CLEAN._replace(**level.changes),
            level.step or STEP,
            CLEAN_NAME,
        )
        for cause in causes
        for level in cause.levels[:levels]
    ]
    but_one = [
        Condition(f"without {cause.name}", MIXED._replace(**cause.off), beside=MIXED_NAME)
        for cause in causes
        if cause.of != "training"
    ]
    return [
        Condition(CLEAN_NAME, CLEAN),
        Condition(MIXED_NAME, MIXED, beside=CLEAN_NAME),
        *alone,
        *but_one,
    ]
