"""Formats that are recognised and refused by name, with what to export instead."""

from __future__ import annotations

from pathlib import Path

from ...errors import PatternError

_ENDINGS = {
    ".brml": "Bruker BRML",
    ".rasx": "Rigaku RASX",
    ".ras": "Rigaku RAS",
    ".uxd": "Bruker UXD",
    ".udf": "Philips UDF",
    ".rd": "Philips RD",
    ".cif": "CIF",
    ".mdi": "MDI Jade",
    ".gpx": "a GSAS-II project",
    ".npz": "NumPy .npz",
    ".xlsx": "an Excel workbook",
}
_IMAGES = (".tif", ".tiff", ".cbf", ".edf", ".img", ".mar3450", ".sfrm")
_BEGINNINGS = {
    b"RAW1.": "Bruker RAW (version 3)",
    b"RAW2": "Bruker RAW (version 2)",
    b"RAW4.": "Bruker RAW (version 4)",
    b"RAW ": "Siemens/Bruker RAW (version 1)",
    b"RAW_1.06": "STOE RAW",
    b"FI\0": "Rigaku RAW",
    b"*RAS_": "Rigaku RAS",
    b"_FILEVERSION": "Bruker UXD",
    b"PK\x03\x04": "a zip archive (BRML, RASX or NPZ)",
}


def refuse_foreign(path: Path, head: bytes) -> None:
    """Raise PatternError where the ending or the first bytes are another program's format."""
    ending = path.suffix.lower()
    name = next((name for begin, name in _BEGINNINGS.items() if head.startswith(begin)), None)
    name = name or _ENDINGS.get(ending)
    if name:
        remedy = "export it as .xye or .xy with the instrument's own software"
        raise PatternError("format", f"{path}: {name} is not read", remedy)
    if ending in _IMAGES:
        remedy = (
            "give the detector's calibration (--poni FILE, or ?poni=FILE) to integrate .cbf, .edf "
            "and .tif here, or integrate it first (pyFAI integrate1d)"
        )
        raise PatternError("format", f"{path}: a detector image", remedy)
