"""What one worker does at a time: a few hundred entries to one table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from alphadiffract_stream.simulation import StructureError

from ..curation import Entry, Kept, Source, Tolerances, judge
from ..reflections import ReflectionStore
from ..structures import ReflectionEngine, StructureRecord, parse_structure, tabulate


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A structure without a table."""

    identifier: str
    rule: str
    """Alike for all that fell for the same cause: what is counted."""
    detail: str


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Tables of some entries, and what was left out."""

    store: ReflectionStore | None
    left_out: list[LeftOut]


def tabulate_entries(entries: list[Entry], engine: ReflectionEngine = "builtin") -> Chunk:
    """Tables of every structure in `entries`. Nothing an entry holds makes it raise.

    CIFs are judged as `curate` does (paper §5.1); lines are what it, or a data base, let pass.
    Raises ImportError where the engine is not installed.
    """
    tables: list[ReflectionStore] = []
    left_out: list[LeftOut] = []
    for entry in entries:
        for found in records_of_entry(entry):
            table = _tabulated(found, engine) if isinstance(found, StructureRecord) else found
            if isinstance(table, LeftOut):
                left_out.append(table)
            else:
                tables.append(table)
    return Chunk(ReflectionStore.concatenate(tables) if tables else None, left_out)


def records_of(sources: Iterable[Source]) -> Iterator[StructureRecord | LeftOut]:
    """Every structure of `sources`, read in this process; by name what is none."""
    for source in sources:
        for entry in source.entries():
            yield from records_of_entry(entry)


def records_of_entry(entry: Entry) -> list[StructureRecord | LeftOut]:
    """The structures of one entry. Raises nothing for a bad one."""
    try:
        if entry.kind == "line":
            return [parse_structure(entry.content)]
        return [
            verdict.record
            if isinstance(verdict, Kept)
            else LeftOut(verdict.id, verdict.reason, str(verdict.values.get("message", "")))
            for verdict in judge(entry, Tolerances())
        ]
    except ValueError as error:
        return [LeftOut(entry.name, "not a readable structure", str(error)[:300])]


def _tabulated(record: StructureRecord, engine: ReflectionEngine) -> ReflectionStore | LeftOut:
    try:
        return tabulate(record, engine)
    except StructureError as error:
        message = str(error).removeprefix(f"{record.identifier}: ")
        return LeftOut(record.identifier, rule_of(message), message)
    except ImportError:
        raise
    except Exception as error:  # One odd structure must not end a run of 150 000.
        detail = f"{type(error).__name__}: {error}"
        return LeftOut(record.identifier, "unexpected fault", detail[:300])


def rule_of(message: str) -> str:
    """The message without what differs from structure to structure."""
    if re.fullmatch(r"space group \d+, recorded \d+", message):
        return "space group is not the recorded one"
    if message.startswith("GSAS-II "):
        return "GSAS-II would compute another crystal"
    return message.split(":")[0]
