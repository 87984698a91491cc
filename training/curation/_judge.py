"""One entry → what is kept of it and what is not, each with its reason."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from alphadiffract_stream.simulation import StructureError

from ..structures import StructureRecord, parse_structure, structure_line
from ._analysis import Analysis, Tolerances
from ._cif import records_of_cif
from ._entries import Entry
from ._rules import READABLE, rules


@dataclass(frozen=True, slots=True)
class Kept:
    """A structure that passed, with its space group as found here."""

    record: StructureRecord

    @property
    def line(self) -> str:
        """As the file of curated structures holds it."""
        return structure_line(self.record)


@dataclass(frozen=True, slots=True)
class Rejected:
    """One that did not."""

    id: str
    rule: str
    reason: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """As the list of what was left out holds it."""
        return json.dumps(asdict(self), ensure_ascii=False)


def judge(entry: Entry, tolerances: Tolerances) -> list[Kept | Rejected]:
    """Every structure of an entry against every rule. Raises nothing for a bad one."""
    verdicts: list[Kept | Rejected] = []
    for found in records_of(entry):
        if isinstance(found, StructureRecord):
            verdicts.append(verdict(found, tolerances))
        else:
            message = str(found)
            reason = re.split(r"[:('\"]|\d", message)[0].strip()
            verdicts.append(Rejected(entry.name, READABLE.name, reason, {"message": message[:300]}))
    return verdicts


def verdict(record: StructureRecord, tolerances: Tolerances) -> Kept | Rejected:
    """One structure against every rule, with the space group found."""
    case = Analysis(record, tolerances)
    for rule in rules(tolerances):
        broken = rule.check(case)
        if broken is not None:
            return Rejected(record.identifier, rule.name, broken.reason, broken.values)
    number = int(case.tightest.number)
    return Kept(
        replace(
            record,
            space_group_number=number,
            space_group_number_tight=number,
            family_name=case.prototype if tolerances.families == "prototype" else None,
        )
    )


def records_of(entry: Entry) -> Iterator[StructureRecord | Exception]:
    """Structures an entry holds, or why one cannot be read."""
    try:
        if entry.kind == "line":
            yield parse_structure(entry.content)
        elif entry.kind.endswith("cif text"):
            theoretical = entry.kind.startswith("theoretical")
            for found in records_of_cif(entry.content, entry.name):
                known = isinstance(found, StructureRecord)
                yield replace(found, theoretical=theoretical) if known else found
        else:
            yield from records_of_cif(_text(entry), re.sub(r"\.cif$", "", entry.name, flags=re.I))
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        yield StructureError(str(error))


def _text(entry: Entry) -> str:
    """Old CIF files are in any of many encodings; what matters in them is ASCII."""
    if entry.kind == "cif":
        return Path(entry.content).read_bytes().decode("utf-8", errors="replace")
    with zipfile.ZipFile(entry.content) as archive:
        return archive.read(entry.member).decode("utf-8", errors="replace")
