"""What lies in the spool, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...sources import PatternReceived, PatternRefused

Event = PatternReceived | PatternRefused
Key = tuple[str | None, int | None]
"""Descriptor uid and seq_num of an event."""


@dataclass(slots=True)
class RunRow:
    """What is to be written of one run; None: as it was."""

    uid: str
    began: Mapping[str, Any] | None = None
    documents: Mapping[str, Any] | None = None
    state: Mapping[str, Any] | None = None


@dataclass(slots=True)
class EventRow:
    """One event to be kept."""

    id: int
    run_uid: str
    arrived: float
    """Unix time, s."""
    message: Event


@dataclass(slots=True)
class Batch:
    """What one transaction writes."""

    runs: list[RunRow] = field(default_factory=list)
    memories: list[tuple[str, str, str, Mapping[str, Any]]] = field(default_factory=list)
    """Run, source, name and document."""
    events: list[EventRow] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    """Events that are answered."""
    closed: list[str] = field(default_factory=list)
    """Runs that have ended; known from now on by their uid alone."""
    forgotten: list[str] = field(default_factory=list)
    """Runs somebody else goes on with."""


@dataclass(slots=True)
class KeptRun:
    """A run that was open when the service ended."""

    uid: str
    began: Mapping[str, Any]
    documents: Mapping[str, Any]
    state: Mapping[str, Any]
    memories: Sequence[tuple[str, str, Mapping[str, Any]]] = ()
    """Source, name and document."""
    open_events: Sequence[Key] = ()
    """Those that were accepted and not answered, in the order they came."""
