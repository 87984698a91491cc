"""`read_pattern`: a file as a Pattern, the operator's word before the file's."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from ..errors import PatternError
from ..integration import Integrator
from ..pattern import Origin, Pattern, RadialUnit
from ._formats import MAX_BYTES, Parsed, parse
from ._hdf5_process import Hdf5Reader
from ._images import parse_frames


def read_pattern(
    path: str | PathLike[str],
    *,
    wavelength: float | None = None,
    unit: RadialUnit | str | None = None,
    format: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> Pattern:
    """The one pattern in `path`. docs/reference/file-formats.md lists the formats.

    wavelength: Å; goes before what the file says, and `wavelength_source` is then ``argument``.
    unit: of the radial axis, likewise; a plain file that names none is in degrees 2θ.
    format: one of `FORMATS`, where content and ending mislead. max_bytes: of a text file.

    Raises PatternError, naming file, line, value and remedy; also where the file holds several
    patterns (use `read_patterns`). A 2θ pattern without any wavelength is returned with None.
    """
    found = read_patterns(
        path, wavelength=wavelength, unit=unit, format=format, max_bytes=max_bytes
    )
    first = next(found)
    if next(found, None) is not None:
        remedy = "read it with read_patterns or a file: source"
        raise PatternError("file", f"{path}: holds more than one pattern", remedy)
    return first


def read_patterns(
    path: str | PathLike[str],
    *,
    wavelength: float | None = None,
    unit: RadialUnit | str | None = None,
    format: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> Iterator[Pattern]:
    """Every pattern in `path`, in order; as `read_pattern`. Stops at the first that is bad."""
    for result in read_results(
        path, wavelength=wavelength, unit=unit, format=format, max_bytes=max_bytes
    ):
        if isinstance(result, PatternError):
            raise result
        yield result


def read_results(
    path: str | PathLike[str],
    *,
    wavelength: float | None = None,
    unit: RadialUnit | str | None = None,
    format: str | None = None,
    max_bytes: int = MAX_BYTES,
    fallback: float | None = None,
    integrator: Integrator | None = None,
    hdf5: Hdf5Reader | None = None,
) -> Iterator[Pattern | PatternError]:
    """As `read_patterns`, going on after a bad pattern: its error takes its place.

    fallback: Å, used where the file gives no wavelength, or none that can be relied on.
    integrator: for frames of a detector, which are refused without one; a wavelength given here
    goes before that of its PONI file, which goes before `fallback`.
    hdf5: reads HDF5 in place of this process, which a damaged file can end or keep for ever.
    """
    file = Path(path)
    if integrator is None:
        results = parse(file, format, max_bytes, hdf5.patterns if hdf5 else None)
    else:
        beam = fallback if wavelength is None and integrator.wavelength is None else wavelength
        results = parse_frames(file, integrator, beam, format, max_bytes, hdf5)
    for seq_num, parsed in enumerate(results, 1):
        origin = Origin(transport="file", name=str(path), seq_num=seq_num, time=_mtime(file))
        try:
            if isinstance(parsed, PatternError):
                raise parsed
            yield _pattern(parsed, origin, _unit(parsed, unit), wavelength, fallback)
        except PatternError as error:
            yield error


def _unit(parsed: Parsed, unit: RadialUnit | str | None) -> tuple[RadialUnit | str, float]:
    """Unit and scale of the axis. The operator's unit means the numbers as they stand."""
    if unit is not None and not parsed.settled:
        return unit, 1.0
    if "unit" in parsed.doubts:
        raise parsed.doubts["unit"]
    return parsed.unit or RadialUnit.TWO_THETA_DEG, parsed.scale


def _pattern(
    parsed: Parsed,
    origin: Origin,
    unit: tuple[RadialUnit | str, float],
    wavelength: float | None,
    fallback: float | None,
) -> Pattern:
    source = "argument"
    if wavelength is None or parsed.settled:
        wavelength, source = parsed.wavelength, parsed.wavelength_source
    if wavelength is None and fallback is not None:
        wavelength, source = fallback, "argument"
    pattern = Pattern(
        intensity=parsed.intensity,
        axis=parsed.axis * unit[1],
        unit=unit[0],  # type: ignore[arg-type]  # Pattern checks it and names the choices
        wavelength=wavelength,
        wavelength_source=source,
        sigma=parsed.sigma,
        mask=parsed.mask,
        origin=origin,
        metadata=parsed.metadata,
    )
    if wavelength is None and pattern.unit.needs_wavelength and "wavelength" in parsed.doubts:
        raise parsed.doubts["wavelength"]
    return pattern


def _mtime(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None
