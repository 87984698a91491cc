"""The start document: which run was analysed, of which sample, by what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..prediction import ModelCard
from ._plain import plain

_COPIED_TEXT = ("data_session", "group", "owner", "project", "beamline_id", "proposal_id", "cycle")
"""What groups and owns the raw run owns the analysis too."""
_COPIED_LISTS = ("data_groups", "tiled_access_tags")


def start_metadata(
    raw_start: Mapping[str, Any],
    card: ModelCard,
    engine: str,
    software_version: str,
    energy: float | None,
    energy_source: str,
) -> dict[str, Any]:
    """Everything in the start document but its uid and time.

    ``plan_type``, ``plan_name`` and ``scan_id`` are what bluesky's ``LiveTable`` asks for.
    energy: keV, where it is known before the first event.
    """
    metadata: dict[str, Any] = {
        "purpose": "analysis",
        "analysis": "alphadiffract",
        "parents": [str(raw_start["uid"])],
        "plan_name": "alphadiffract",
        "plan_type": "analysis",
        "scan_id": _scan_id(raw_start),
        "model": {
            "name": card.name,
            "version": card.version,
            "sha256": card.sha256,
            "training_set": card.training_set,
        },
        "engine": engine,
        "software": {"name": "alphadiffract-stream", "version": software_version},
        **_copied(raw_start),
    }
    for name in ("plan_name", "time"):
        if name in raw_start:
            metadata[f"raw_{name}"] = plain(raw_start[name])
    if raw_start.get("start_missing") is True:
        metadata["raw_start_missing"] = True
    if energy is not None:
        metadata |= {"energy_kev": energy, "energy_source": energy_source}
    return metadata


def _scan_id(raw_start: Mapping[str, Any]) -> int:
    value = plain(raw_start.get("scan_id"))
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _copied(raw_start: Mapping[str, Any]) -> dict[str, Any]:
    """Sample and ownership, in the types event-model asks for."""
    copied: dict[str, Any] = {}
    for name, value in raw_start.items():
        if name == "sample":
            copied[name] = plain(value) if isinstance(value, Mapping | str) else str(value)
        elif name in _COPIED_TEXT:
            copied[name] = str(value)
        elif name in _COPIED_LISTS and isinstance(value, list | tuple):
            copied[name] = [str(item) for item in value]
        elif str(name).startswith(("sample_", "proposal")):
            copied[str(name)] = plain(value)
    return dict(plain(copied))
