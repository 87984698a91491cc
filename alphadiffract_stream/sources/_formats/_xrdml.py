"""PANalytical .xrdml, schema 1.0 to 2.x; one pattern a scan.

``intensities`` are already corrected for the beam attenuator, ``counts`` (schema 2) are not and
are multiplied by the factors. Points counted for unequal times are divided by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml.ElementTree import fromstring
from numpy.typing import NDArray

from ...errors import PatternError
from ...pattern import RadialUnit
from ._beam import KALPHA_RATIO, Beam, choose, statement
from ._parsed import Parsed, Results
from ._text import read_bytes, shorten


def read(path: Path, max_bytes: int) -> Results:
    """Every scan with a moving 2θ, in order. Raises PatternError; a bad scan is one result."""
    content = read_bytes(path, max_bytes)
    try:
        root = fromstring(content, forbid_dtd=True)
    except (ParseError, ValueError, LookupError) as error:
        value = f"{path}: not well-formed XML ({error})"
        raise PatternError("file", value, "export the scan again (truncated file?)") from None
    sample = _text(root, "sample", "name") or _text(root, "sample", "id")
    found = False
    for measurement in _all(root, "xrdMeasurement"):
        beam = _beam(measurement, path)
        about = {"sample": sample, "anode": _text(measurement, "incidentBeamPath", "anodeMaterial")}
        for scan in _all(measurement, "scan"):
            found = True
            try:
                yield _scan(scan, path, beam, {k: v for k, v in about.items() if v})
            except PatternError as error:
                yield error
    if not found:
        raise PatternError("file", f"{path}: no scan in it", "export a 2θ scan as XRDML")


def _scan(scan: Element, path: Path, beam: Beam, metadata: dict[str, Any]) -> Parsed:
    points = next(_all(scan, "dataPoints"), None)
    if points is None:
        raise PatternError("dataPoints", f"{path}: missing in a scan", "export the scan again")
    counts, sigma = _intensity(points, path)
    return Parsed(
        axis=_two_theta(points, path, counts.size),
        intensity=counts,
        sigma=sigma,
        unit=RadialUnit.TWO_THETA_DEG,
        wavelength=beam.wavelength,
        wavelength_source=beam.source,
        doubts={"wavelength": beam.doubt} if beam.doubt else {},
        metadata=metadata | {"scan_axis": scan.get("scanAxis", ""), **_status(scan)},
    )


def _status(scan: Element) -> dict[str, str]:
    status = scan.get("status", "Completed")
    return {} if status == "Completed" else {"scan_status": status}


def _intensity(
    points: Element, path: Path
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Corrected intensity and, where the numbers are counts, its Poisson deviation."""
    corrected = next(_all(points, "intensities"), None)
    element = corrected if corrected is not None else next(_all(points, "counts"), None)
    if element is None:
        raise PatternError("intensities", f"{path}: missing in a scan", "export the scan again")
    values = _numbers(element, path)
    # A point behind the attenuator had fewer counts than its corrected intensity.
    factors = _per_point(points, path, "eamAttenuationFactor", values.size)
    raw = values if corrected is None else values / factors
    scale = factors
    if element.get("unit", "counts") == "cps":
        return values if corrected is not None else values * factors, None
    times = _per_point(points, path, "ountingTime", values.size)
    if np.ptp(times) > 0:
        scale = scale / times
    return raw * scale, np.sqrt(np.maximum(raw, 1.0)) * scale


def _per_point(points: Element, path: Path, name: str, n_points: int) -> NDArray[np.float64]:
    """Values of ``common<Name>`` or of the list ``<name>s``; ones where the file has neither."""
    for child in points.iter():
        if _tag(child).endswith((name, f"{name}s")):
            values = _numbers(child, path)
            if values.size not in (1, n_points):
                value = f"{path}: {values.size} values for {n_points} points"
                raise PatternError(_tag(child), value, "export the scan again (truncated file?)")
            if not (values > 0).all():
                raise PatternError(_tag(child), f"{path}: not positive", "correct the file")
            return np.broadcast_to(values, n_points)
    return np.ones(n_points)


def _two_theta(points: Element, path: Path, n_points: int) -> NDArray[np.float64]:
    axes = {child.get("axis", ""): child for child in _all(points, "positions")}
    if "2Theta" not in axes:
        value = f"{path}: positions of {', '.join(sorted(axes)) or 'no axis'}"
        raise PatternError("positions", value, "only scans along 2θ can be analysed")
    positions = axes["2Theta"]
    listed = next(_all(positions, "listPositions"), None)
    if listed is not None:
        values = _numbers(listed, path)
        if values.size != n_points:
            value = f"{path}: {values.size} positions for {n_points} intensities"
            raise PatternError("listPositions", value, "export the scan again (truncated file?)")
        return values
    ends = [next(_all(positions, name), None) for name in ("startPosition", "endPosition")]
    if ends[0] is None or ends[1] is None:
        value = f"{path}: 2θ stands still in this scan"
        raise PatternError("positions", value, "only scans along 2θ can be analysed")
    start, end = (_number(element, path) for element in ends if element is not None)
    return np.linspace(start, end, n_points)


def _beam(measurement: Element, path: Path) -> Beam:
    """Kα1 alone where the file intends it and an incident monochromator selects it; else the mean.

    Nearly every laboratory file says ``intended="K-Alpha 1"`` while both lines reach the sample.
    """
    used = next(_all(measurement, "usedWavelength"), None)
    if used is None:
        return Beam()
    lines: dict[str, tuple[float, str, str]] = {}
    for line, name in (("1", "kAlpha1"), ("2", "kAlpha2")):
        element = next(_all(used, name), None)
        if element is not None and (element.text or "").strip():
            source = f"usedWavelength/{name}"
            lines[line] = (_number(element, path), element.get("unit", ""), source)
    intended = used.get("intended", "")
    optics = next(_all(measurement, "incidentBeamPath"), None)
    selected = optics is not None and next(_all(optics, "monochromator"), None) is not None
    ratio = _text(used, "ratioKAlpha2KAlpha1")
    weight = _float(ratio) if ratio else KALPHA_RATIO
    if "1" in lines and (weight == 0 or (selected and intended == "K-Alpha 1")):
        lines.pop("2", None)
    said = [
        statement(value, unit, source, energy=False, line=line)
        for line, (value, unit, source) in lines.items()
    ]
    return choose(said, str(path), weight if weight is not None and weight >= 0 else KALPHA_RATIO)


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _all(element: Element, name: str) -> Iterator[Element]:
    """Descendants called `name`, whatever the schema's namespace."""
    return (child for child in element.iter() if _tag(child) == name)


def _text(element: Element, *names: str) -> str:
    for name in names:
        found = next((child for child in _all(element, name) if child is not element), None)
        if found is None:
            return ""
        element = found
    return (element.text or "").strip()


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _number(element: Element, path: Path) -> float:
    value = _float((element.text or "").strip())
    if value is None:
        found = f"{path}: {shorten(element.text or 'empty')}"
        raise PatternError(_tag(element), found, "a number is wanted: export the scan again")
    return value


def _numbers(element: Element, path: Path) -> NDArray[np.float64]:
    words = (element.text or "").split()
    try:
        if not words:
            raise ValueError("no numbers")
        return np.array([float(word) for word in words])
    except ValueError as error:
        value = f"{path}: {shorten(str(error))}"
        raise PatternError(_tag(element), value, "numbers only: export the scan again") from None
