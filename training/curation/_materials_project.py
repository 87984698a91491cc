"""Structures from the Materials Project's own interface, with the user's key; `mp-api` does it.

What was fetched stays on disk in files of JSON lines, so an interrupted download goes on, and
curation reads them like any other.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ..structures import StructureRecord, structure_line
from ._errors import CurationError

BATCH = 1000
"""Structures a request."""
WANTED = ["material_id", "structure", "theoretical"]


def download_materials_project(
    folder: Path,
    key: str | None,
    *,
    chemical_system: str | None = None,
    batch: int = BATCH,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Path]:
    """Fetch all structures (or those of one chemical system, ``Ca-C-O``) into `folder`.

    Returns the files, one a batch; those already there are not fetched again. Entries of the GNoME
    set are left out: their licence forbids what the others' (CC BY 4.0) allows. `progress` gets
    structures done and in all. Raises CurationError without a key or without `mp-api`.
    """
    if not key:
        raise CurationError(
            "the Materials Project wants a key of yours: --mp-api-key or MP_API_KEY; "
            "https://next-gen.materialsproject.org/api gives one"
        )
    try:
        client = import_module("mp_api.client")
    except ImportError:
        raise CurationError(
            "the Materials Project's interface needs pip install 'alphadiffract-stream[mp]'"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    with client.MPRester(key, use_document_model=False, mute_progress_bars=True) as rester:
        summary = rester.materials.summary
        identifiers = _identifiers(folder, summary, chemical_system)
        files = []
        for first in range(0, len(identifiers), batch):
            wanted = identifiers[first : first + batch]
            path = folder / f"mp_{first:07d}.jsonl.xz"
            if not path.exists():
                rows = summary.search(material_ids=wanted, fields=WANTED)
                _write(path, rows, wanted)
            files.append(path)
            progress(first + len(wanted), len(identifiers))
    return files


def _identifiers(folder: Path, summary: Any, chemical_system: str | None) -> list[str]:
    """Which structures there are; asked once, so that an interrupted download has the same."""
    listed = folder / "identifiers.json"
    if listed.exists():
        before = json.loads(listed.read_text(encoding="utf-8"))
        if before["chemical_system"] != chemical_system:
            raise CurationError(
                f"{folder}: holds structures of {before['chemical_system'] or 'every system'}, "
                f"not of {chemical_system or 'every system'}; remove it or name another folder"
            )
        return before["identifiers"]
    chosen = {"chemsys": chemical_system} if chemical_system else {}
    rows = summary.search(**chosen, deprecated=False, include_gnome=False, fields=["material_id"])
    identifiers = sorted({_field(row, "material_id") for row in rows})
    if not identifiers:
        raise CurationError(f"the Materials Project has nothing for {chemical_system!r}")
    listed.write_text(
        json.dumps({"chemical_system": chemical_system, "identifiers": identifiers}),
        encoding="utf-8",
    )
    return identifiers


def _write(path: Path, rows: Iterable[Any], wanted: Sequence[str]) -> None:
    """One batch, in the order asked for. Raises CurationError where a structure did not come."""
    found = {_field(row, "material_id"): row for row in rows}
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise CurationError(
            f"the Materials Project did not send {len(missing)} of {len(wanted)} structures "
            f"({', '.join(missing[:3])}…); run again to ask for them once more"
        )
    lines = [_line(identifier, found[identifier]) for identifier in wanted]
    half = path.with_name(path.name + ".tmp")
    half.write_bytes(lzma.compress("".join(lines).encode()))
    half.replace(path)


def _line(identifier: str, row: Any) -> str:
    structure = row["structure"]
    if isinstance(structure, dict):
        from pymatgen.core import Structure

        structure = Structure.from_dict(structure)
    record = StructureRecord(
        identifier=identifier,
        formula=structure.composition.formula.replace(" ", ""),
        # The curation finds the group itself; 1 holds for every crystal.
        space_group_number=1,
        space_group_number_tight=1,
        lattice=np.asarray(structure.lattice.matrix, dtype=np.float64),
        fractional=np.asarray(structure.frac_coords, dtype=np.float64),
        atomic_numbers=np.array([site.specie.Z for site in structure], dtype=np.int32),
        theoretical=bool(row["theoretical"]),
    )
    return structure_line(record) + "\n"


def _field(row: Any, name: str) -> str:
    return str(row[name])
