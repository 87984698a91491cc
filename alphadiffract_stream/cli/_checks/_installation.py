"""Python, the packages this one needs, and the extras: read from our own metadata."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

from ._check import Check, State

_US = "alphadiffract-stream"
_NOT_FOR_USERS = {"dev", "train"}


def check_installation() -> list[Check]:
    """One check for Python, one a requirement and one an extra."""
    python = Check("python", State.OK, platform.python_version())
    requirements = [Requirement(text) for text in requires(_US) or []]
    needed = [r for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
    extras: dict[str, list[Requirement]] = {}
    for requirement in requirements:
        if requirement not in needed:
            for extra in _extras_of(requirement):
                extras.setdefault(extra, []).append(requirement)
    return [
        python,
        *(_requirement(requirement) for requirement in needed),
        *(_extra(name, wanted) for name, wanted in extras.items() if name not in _NOT_FOR_USERS),
    ]


def _requirement(requirement: Requirement) -> Check:
    found, fault = _found(requirement)
    if not fault:
        return Check(requirement.name, State.OK, found)
    return Check(requirement.name, State.ERROR, fault, f"pip install '{_plain(requirement)}'")


def _extra(name: str, wanted: list[Requirement]) -> Check:
    found = {requirement.name: _found(requirement) for requirement in wanted}
    faults = [fault for _, fault in found.values() if fault]
    label = f"extra {name}"
    if not faults:
        versions = ", ".join(f"{package} {v}" for package, (v, _) in found.items())
        return Check(label, State.OK, versions)
    remedy = f"if you want it: pip install '{_US}[{name}]'"
    return Check(label, State.ABSENT, "; ".join(faults), remedy)


def _found(requirement: Requirement) -> tuple[str, str]:
    """Installed version, and what is wrong with it."""
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return "", f"{requirement.name} is not installed"
    if not requirement.specifier.contains(installed, prereleases=True):
        return installed, f"{requirement.name} is {installed}, needed {requirement.specifier}"
    return installed, ""


def _extras_of(requirement: Requirement) -> Iterator[str]:
    from importlib.metadata import metadata

    for extra in metadata(_US).get_all("Provides-Extra") or []:
        if requirement.marker is not None and requirement.marker.evaluate({"extra": extra}):
            yield extra


def _plain(requirement: Requirement) -> str:
    return f"{requirement.name}{requirement.specifier}"
