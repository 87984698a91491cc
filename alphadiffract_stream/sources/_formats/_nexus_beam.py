"""The wavelength of a NeXus entry: instrument fields, or what the integration recorded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import numpy as np

from ...errors import PatternError
from ._beam import REMEDY, Beam, Statement, beam_of, choose, statement
from ._hdf5 import Tree, attribute, text

_CLASSES = ("NXmonochromator", "NXbeam", "NXcrystal")
_FIELDS = ("wavelength", "incident_wavelength", "energy", "incident_energy")
_LARGEST_NOTE = 1_000_000


def beams(
    tree: Tree, entry: h5py.Group, data: h5py.Group, place: str, n_frames: int
) -> Callable[[int], Beam]:
    """Frame number → Beam. A field with one value for each frame is taken frame by frame.

    The instrument's fields go first; where there are none, the JSON configuration pyFAI stores
    beside the data, or a PONI text. All must agree.
    """
    fields = list(_fields(tree, entry, place, n_frames))
    if fields:
        length = {values.size for _, values, _ in fields}
        if length == {1}:
            beam = choose([_said(field, 0) for field in fields], place)
            return lambda frame: beam
        return lambda frame: choose([_said(field, frame) for field in fields], place)
    recorded = _recorded(tree, entry, data, place)
    return lambda frame: recorded


_Field = tuple[str, Any, str]


def _fields(tree: Tree, entry: h5py.Group, place: str, n_frames: int) -> Iterator[_Field]:
    """Name, values and units of each field that gives a wavelength or an energy."""
    for group in tree.groups(entry):
        if attribute(group, "NX_class") not in _CLASSES:
            continue
        for name in _FIELDS:
            found = tree.get(group, name)
            if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "iuf":
                continue
            if found.size not in (1, n_frames) or not tree.stays_inside(found):
                value = f"{place}: {found.name} has {found.size} values for {n_frames} frames"
                raise PatternError("wavelength", value, REMEDY)
            units = attribute(found, "units") or attribute(found, "unit")
            yield f"{group.name}/{name}", np.asarray(found[()], dtype=float).reshape(-1), units


def _said(field: _Field, frame: int) -> Statement:
    name, values, units = field
    value = float(values[frame if values.size > 1 else 0])
    return statement(value, units, name, energy="energy" in name.rpartition("/")[2])


def _recorded(tree: Tree, entry: h5py.Group, data: h5py.Group, place: str) -> Beam:
    """From the notes of the process that made `data`, else of the whole entry."""
    parent = data.parent
    assert isinstance(parent, h5py.Group)
    for group in (parent, entry):
        said: list[Statement] = []
        lines: list[tuple[int, str]] = []
        for below in tree.groups(group):
            for name, child in tree.children(below):
                content = _note(tree, child)
                if content.lstrip().startswith("{"):
                    said += _configured(content, f"{below.name}/{name}")
                elif name.lower().startswith("poni"):
                    lines += enumerate(content.splitlines())
        if said:
            return choose(said, place)
        beam = beam_of(lines, place)
        if beam != Beam():
            return beam
    return Beam()


def _note(tree: Tree, child: Any) -> str:
    if not isinstance(child, h5py.Dataset) or child.shape not in ((), (1,)):
        return ""
    if child.dtype.kind not in "OS" or not tree.stays_inside(child):
        return ""
    content = text(child[()])
    return content if len(content) < _LARGEST_NOTE else ""


def _configured(content: str, name: str) -> list[Statement]:
    """pyFAI's worker configuration: ``wavelength`` in metres, at the top or under ``poni``."""
    try:
        config = json.loads(content)
    except (ValueError, RecursionError):
        return []
    found = []
    for level in (config, config.get("poni")):
        value = level.get("wavelength") if isinstance(level, dict) else None
        if isinstance(value, int | float) and value:
            found.append(statement(float(value), "m", f"{name} wavelength", energy=False))
    return found
