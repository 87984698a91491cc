"""Structures as JSON lines, one crystal a line, plain or xz-compressed."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ._record import FIRST_MIXTURE, StructureRecord, cell_parameters, lattice_vectors

ENDINGS = (".jsonl", ".jsonl.xz")
LEFT_OUT = ".rejected.jsonl"
"""Ends the name of what `training curate` lists beside the structures it kept."""


def read_structures(path: Path) -> Iterator[StructureRecord]:
    """Records of a file of JSON lines, or of every such file in a folder, in the files' order.

    Raises FileNotFoundError where there is none, ValueError naming file and line of a bad one.
    """
    for file in structure_files(path):
        for number, line in enumerate(structure_lines(file), start=1):
            try:
                yield parse_structure(line)
            except ValueError as error:
                raise ValueError(f"{file}, line {number}: {error}") from None


def structure_files(path: Path) -> list[Path]:
    """`path` itself, or the files of JSON lines in it. Raises FileNotFoundError."""
    if path.is_file():
        return [path]
    files = sorted(p for p in path.glob("*") if is_structure_file(p))
    if not files:
        raise FileNotFoundError(f"{path}: no *.jsonl.xz or *.jsonl structure files")
    return files


def is_structure_file(path: Path) -> bool:
    """By its name; a list of what was left out is none."""
    return path.name.endswith(ENDINGS) and not path.name.endswith(LEFT_OUT)


def structure_lines(file: Path) -> Iterator[str]:
    """Lines of one file that are not empty."""
    with (
        lzma.open(file, "rt", encoding="utf-8")
        if file.suffix == ".xz"
        else file.open(encoding="utf-8") as lines
    ):
        yield from (line for line in lines if line.strip())


def parse_structure(line: str) -> StructureRecord:
    """The record of one line. Raises ValueError naming what is missing or wrong."""
    try:
        row = json.loads(line)
        record = StructureRecord(
            identifier=str(row["id"]),
            formula=row["f"],
            space_group_number=int(row["sg"]),
            space_group_number_tight=int(row["sg01"]),
            lattice=lattice_vectors(row["pc"]),
            fractional=np.array(row["X"], dtype=np.float64).reshape(-1, 3),
            atomic_numbers=np.array(row["Z"], dtype=np.int32),
            mixtures=tuple(tuple((int(z), float(o)) for z, o in m) for m in row.get("mix", ())),
            u_iso=np.array(row["U"], dtype=np.float64) if "U" in row else None,
            family_name=row.get("family"),
            theoretical=_flag(row.get("theoretical")),
        )
    except KeyError as error:
        raise ValueError(f"field {error} is missing") from None
    except (TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"not a structure: {error}") from None
    _check(record)
    return record


def _flag(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"theoretical: {value!r} is neither true nor false")
    return value


def _check(record: StructureRecord) -> None:
    count = len(record.atomic_numbers)
    if count == 0:
        raise ValueError("no atoms")
    if len(record.fractional) != count or (record.u_iso is not None and len(record.u_iso) != count):
        raise ValueError(
            f"{count} elements Z, {len(record.fractional)} positions X: they must agree"
        )
    if not np.isfinite(record.fractional).all() or not np.isfinite(record.lattice).all():
        raise ValueError("a coordinate is not a number")
    if record.atomic_numbers.max() >= FIRST_MIXTURE + len(record.mixtures):
        raise ValueError(f"Z: {record.atomic_numbers.max()} names no mixture")


def structure_line(record: StructureRecord) -> str:
    """One line of JSON, without its end; coordinates to 1e-6."""
    row: dict[str, Any] = {
        "id": record.identifier,
        "f": record.formula,
        "sg": record.space_group_number,
        "sg01": record.space_group_number_tight,
        "pc": [round(v, 6) for v in cell_parameters(record.lattice)],
        "Z": record.atomic_numbers.tolist(),
        "X": record.fractional.round(6).tolist(),
    }
    if record.mixtures:
        row["mix"] = record.mixtures
    if record.u_iso is not None:
        row["U"] = record.u_iso.round(5).tolist()
    if record.family_name is not None:
        row["family"] = record.family_name
    if record.theoretical is not None:
        row["theoretical"] = record.theoretical
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False)
