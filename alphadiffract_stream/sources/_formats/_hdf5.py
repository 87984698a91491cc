"""Walking an HDF5 file without being led out of its folder.

HDF5 can name other files in external links, virtual datasets and external storage; opened
blindly, a file dropped into a watched folder could read any file its reader may. Links are
resolved here one step at a time, and only into files beside (or below) the one opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

_DEEPEST = 16


class Tree:
    """An open HDF5 file. Use as a context manager; closes every file it opened."""

    def __init__(self, path: Path, *, swmr: bool = False) -> None:
        """swmr: also while a writer that allows it has it open."""
        self.folder = path.resolve().parent
        self.root = h5py.File(path, "r", swmr=swmr)
        self.outside: list[str] = []
        """Links that were not followed, for the message if nothing else is found."""
        self._files = [self.root]

    def __enter__(self) -> Tree:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in reversed(self._files):
            file.close()

    def get(self, group: h5py.Group, path: str, depth: int = 0) -> Any:
        """Group or dataset at `path` under `group`; None where there is none, or it is outside."""
        found: Any = top(group.file) if path.startswith("/") else group
        for name in path.split("/"):
            if name in ("", "."):
                continue
            if not isinstance(found, h5py.Group) or depth > _DEEPEST:
                return None
            found = self._child(found, name, depth)
        return found

    def children(self, group: h5py.Group) -> Iterator[tuple[str, Any]]:
        """Name and object of every child that can be reached."""
        for name in list(group):
            child = self._child(group, name, 0)
            if child is not None:
                yield name, child

    def groups(self, group: h5py.Group, nx_class: str = "") -> Iterator[h5py.Group]:
        """Groups under `group` in order, each once, of NX_class `nx_class` (all if empty)."""
        seen: set[h5py.HLObject] = set()  # h5py compares by object, not by name
        waiting = [(group, 0)]
        while waiting:
            one, depth = waiting.pop(0)
            if one in seen:
                continue
            seen.add(one)
            if not nx_class or attribute(one, "NX_class") == nx_class:
                yield one
            if depth < _DEEPEST:
                below = [child for _, child in self.children(one) if isinstance(child, h5py.Group)]
                waiting = [(child, depth + 1) for child in below] + waiting

    def stays_inside(self, dataset: h5py.Dataset) -> bool:
        """Whether the dataset's bytes lie in files of this folder, and those exist."""
        names = (
            [source.file_name for source in dataset.virtual_sources()]
            if (dataset.is_virtual)
            else [row[0] for row in dataset.external or ()]
        )
        here = Path(dataset.file.filename)
        return all(name == "." or self._inside(here, name) for name in names)

    def _child(self, group: h5py.Group, name: str, depth: int) -> Any:
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.SoftLink):
            return self.get(group, link.path, depth + 1)
        if isinstance(link, h5py.ExternalLink):
            return self._external(group, link, depth)
        return None if link is None else group[name]

    def _external(self, group: h5py.Group, link: h5py.ExternalLink, depth: int) -> Any:
        target = self._inside(Path(group.file.filename), link.filename)
        if target is None or depth > _DEEPEST:
            self.outside.append(f"{link.filename}:{link.path}")
            return None
        file = next((one for one in self._files if Path(one.filename).resolve() == target), None)
        if file is None:
            file = h5py.File(target, "r")
            self._files.append(file)
        return self.get(top(file), link.path, depth + 1)

    def _inside(self, here: Path, name: str) -> Path | None:
        target = (here.parent / name).resolve()
        return target if target.is_relative_to(self.folder) and target.is_file() else None


def top(file: h5py.File) -> h5py.Group:
    """The root group of an open file."""
    root = file["/"]
    assert isinstance(root, h5py.Group)
    return root


def attribute(thing: h5py.HLObject, name: str) -> str:
    """A text attribute, however it was stored; empty where absent or not text."""
    return text(thing.attrs.get(name))


def texts(thing: h5py.HLObject, name: str) -> list[str]:
    """A text attribute that may be a list; a lone string may separate its items by colons."""
    value = thing.attrs.get(name)
    if isinstance(value, np.ndarray):
        return [text(item) for item in value.ravel()]
    return text(value).split(":") if text(value) else []


def text(value: Any) -> str:
    """Text of an attribute or scalar dataset value."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value if isinstance(value, str) else ""
