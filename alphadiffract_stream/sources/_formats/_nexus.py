"""NeXus HDF5: NXazint1d, pyFAI's NXprocess and any other NXdata with a radial axis.

A signal of shape (…, n) is a stack: one pattern for each index of the leading dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ...errors import PatternError
from ...pattern import RadialUnit
from ._axis_names import Axis, axis_of, axis_of_units
from ._beam import Beam
from ._columns import settle
from ._hdf5 import Tree, attribute, text, texts, top
from ._nexus_beam import beams
from ._parsed import FileBusyError, NothingFoundError, Parsed, Results

MAX_POINTS = 10_000_000
"""Points of one pattern; more is not a powder pattern."""
MAX_FRAMES = 1_000_000
"""Patterns of one dataset: a few kB can announce any number, and are then read as zeros."""
_AZIMUTH = ("chi", "azim", "eta", "oop", "out-of-plane", "ip", "in-plane")


@dataclass(frozen=True, slots=True)
class _Stack:
    group: h5py.Group
    signal: h5py.Dataset
    sigma: h5py.Dataset | None
    axis: h5py.Dataset
    dimension: int
    """Which dimension of the signal the axis belongs to."""
    meaning: Axis


def read(path: Path, max_bytes: int) -> Results:
    """Every pattern of every entry, read a frame at a time; `max_bytes` is for text.

    Raises PatternError; a frame that cannot be read is one result.
    """
    try:
        with Tree(path) as tree:
            found = False
            for result in _patterns(tree, path):
                found = True
                yield result
            if not found:
                raise _nothing(tree, path)
    except BlockingIOError as error:
        value, remedy = f"{path}: locked by its writer", "read it when the writer has closed it"
        raise FileBusyError("file", value, remedy) from error
    # HDF5's own failures surface as any of these, depending on where the damage is.
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        if isinstance(error, PatternError):
            raise
        value = f"{path}: {type(error).__name__}: {str(error)[:200]}"
        raise PatternError("file", value, "check that it is whole and closed") from error


def _patterns(tree: Tree, path: Path) -> Results:
    done: set[h5py.HLObject] = set()  # the same data under two names counts once
    for entry in _entries(tree):
        for stack in _stacks(tree, entry, path):
            if stack.signal not in done:
                done.add(stack.signal)
                yield from _frames(tree, entry, stack, path)


def _entries(tree: Tree) -> list[h5py.Group]:
    groups = [child for _, child in tree.children(tree.root) if isinstance(child, h5py.Group)]
    entries = [group for group in groups if attribute(group, "NX_class") == "NXentry"]
    return entries or [top(tree.root)]


def _stacks(tree: Tree, entry: h5py.Group, path: Path) -> Iterator[_Stack]:
    """The entry's default plot where that is a pattern; else every NXdata that is one."""
    default = _default(tree, entry)
    chosen = _stack(tree, default, path) if default is not None else None
    if chosen is not None:
        yield chosen
        return
    for group in tree.groups(entry, "NXdata"):
        stack = _stack(tree, group, path)
        if stack is not None:
            yield stack


def _default(tree: Tree, group: h5py.Group) -> h5py.Group | None:
    found: Any = group
    for _ in range(8):
        name = attribute(found, "default")
        if not name:
            break
        found = tree.get(found, name)
        if not isinstance(found, h5py.Group):
            return None
    return found if attribute(found, "NX_class") == "NXdata" else None


def _stack(tree: Tree, group: h5py.Group, path: Path) -> _Stack | None:
    signal = _signal(tree, group)
    if signal is None or signal.ndim == 0 or signal.dtype.kind not in "iuf":
        return None
    axes = texts(group, "axes") or texts(signal, "axes")
    axes = ["."] * (signal.ndim - len(axes)) + axes
    named = [tree.get(group, name) if name != "." else None for name in axes[: signal.ndim]]
    for dimension in reversed(range(signal.ndim)):
        axis = named[dimension]
        if not isinstance(axis, h5py.Dataset) or axis.shape != (signal.shape[dimension],):
            continue
        meaning = _meaning(axis, axes[dimension])
        if meaning is None:
            continue
        for other, name in enumerate(axes[: signal.ndim]):
            if other != dimension and signal.shape[other] > 1 and name.lower().startswith(_AZIMUTH):
                value = f"{path}: {group.name} has axes {axes}"
                raise PatternError("axes", value, "integrate over the azimuth to one dimension")
        sigma = _sigma(tree, group, signal, attribute(group, "signal"))
        return _Stack(group, signal, sigma, axis, dimension, meaning)
    return None


def _signal(tree: Tree, group: h5py.Group) -> h5py.Dataset | None:
    name = attribute(group, "signal")
    if name:
        found = tree.get(group, name)
        return found if isinstance(found, h5py.Dataset) else None
    for _, child in tree.children(group):  # NeXus before 2014: an attribute of the dataset
        if isinstance(child, h5py.Dataset) and "signal" in child.attrs:
            return child
    return None


def _meaning(axis: h5py.Dataset, name: str) -> Axis | None:
    """What a radial dataset holds, from its name, long_name and units (pyFAI: name and unit)."""
    if axis.ndim != 1 or axis.dtype.kind not in "iuf":
        return None
    units = attribute(axis, "units") or attribute(axis, "unit")
    for label in (attribute(axis, "name"), name, attribute(axis, "long_name")):
        found = axis_of(f"{label} ({units})") if label else None
        if found:
            return found
    return axis_of_units(units) if units else None


def _sigma(tree: Tree, group: h5py.Group, signal: h5py.Dataset, name: str) -> h5py.Dataset | None:
    for candidate in (f"{name}_errors", attribute(signal, "uncertainties"), "errors"):
        found = tree.get(group, candidate) if candidate else None
        if isinstance(found, h5py.Dataset) and found.shape == signal.shape:
            return found if found.dtype.kind in "iuf" else None
    return None


def _frames(tree: Tree, entry: h5py.Group, stack: _Stack, path: Path) -> Results:
    place = f"{path}:{stack.group.name}"
    n_points = stack.signal.shape[stack.dimension]
    for dataset in (stack.signal, stack.axis, stack.sigma):
        if dataset is not None and not tree.stays_inside(dataset):
            remedy = "put the files it refers to beside it"
            raise PatternError(
                "file", f"{place}: data outside the file's folder, or missing", remedy
            )
    if not 0 < n_points <= MAX_POINTS:
        raise PatternError("signal", f"{place}: {n_points} points", "give one pattern a frame")
    leading = [n for i, n in enumerate(stack.signal.shape) if i != stack.dimension]
    n_frames = math.prod(leading)
    if n_frames > MAX_FRAMES:
        value = f"{place}: {n_frames} patterns; at most {MAX_FRAMES} are read"
        raise PatternError("signal", value, "write several files")
    unit, scale, doubts = settle(stack.meaning, place)
    axis = stack.axis[()].astype(float)
    beam = beams(tree, entry, stack.group, place, n_frames)
    about = _about(tree, entry)
    for frame, index in enumerate(np.ndindex(*leading)):
        where = (*index[: stack.dimension], slice(None), *index[stack.dimension :])
        try:
            intensity, sigma = _row(stack.signal, where), _row(stack.sigma, where)
        except (OSError, RuntimeError, ValueError) as error:
            value = f"{place}: frame {frame}: {str(error)[:200]}"
            yield PatternError("frame", value, "check that the file is whole")
            continue
        assert intensity is not None
        yield Parsed(
            axis=axis,
            intensity=intensity,
            sigma=sigma,
            unit=unit,
            scale=scale,
            wavelength=beam(frame).wavelength,
            wavelength_source=beam(frame).source,
            doubts=doubts | _doubt(beam(frame)),
            metadata=about | ({"frame": frame} if leading else {}),
        )


def beside(
    tree: Tree, data: h5py.Group, frame: int, place: str
) -> tuple[NDArray[np.float64], RadialUnit, float | None, str]:
    """What the NXdata group `data` says of its radial axis: (n,) values, unit, wavelength (Å) of
    `frame` and where that stood. Raises PatternError where it does not say."""
    stack = _stack(tree, data, Path(place))
    if stack is None:
        remedy = "write NXazint1d, or put the axis into the documents"
        raise PatternError("axis", f"{place}: {data.name} has no radial axis", remedy)
    if not tree.stays_inside(stack.axis):
        raise PatternError("axis", f"{place}: outside of the file's folder", "put it inside")
    unit, scale, doubts = settle(stack.meaning, place)
    if unit is None:
        raise doubts["unit"]
    leading = [n for i, n in enumerate(stack.signal.shape) if i != stack.dimension]
    entry: Any = data
    while entry.name != "/" and attribute(entry, "NX_class") != "NXentry":
        entry = entry.parent
    beam = beams(tree, entry, data, place, math.prod(leading))(frame)
    return stack.axis[()].astype(float) * scale, unit, beam.wavelength, beam.source


def _row(dataset: h5py.Dataset | None, where: tuple[Any, ...]) -> NDArray[np.float64] | None:
    return None if dataset is None else np.asarray(dataset[where], dtype=float)


def _doubt(beam: Beam) -> dict[str, PatternError]:
    return {"wavelength": beam.doubt} if beam.doubt else {}


def _about(tree: Tree, entry: h5py.Group) -> dict[str, str]:
    about = {"entry": str(entry.name)}
    for key, name in (("title", "title"), ("sample", "sample/name")):
        found = tree.get(entry, name)
        if isinstance(found, h5py.Dataset) and found.shape in ((), (1,)):
            value = text(found[()])
            if value:
                about[key] = value[:200]
    return about


def _nothing(tree: Tree, path: Path) -> NothingFoundError:
    value = f"{path}: no NXdata with a radial axis (2θ, q or d)"
    if tree.outside:
        value += f"; links out of its folder were not followed: {', '.join(tree.outside[:3])}"
    remedy = "write NXazint1d, or pyFAI's integrate1d output; frames need --poni or ?poni=FILE"
    return NothingFoundError("file", value, remedy)
