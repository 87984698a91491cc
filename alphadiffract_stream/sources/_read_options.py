"""Options of a ``file:`` or ``watch:`` URL: how its files are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Self, TypeVar

from pydantic import Field, PositiveFloat, ValidationError, model_validator

from ..errors import ConfigurationError, PatternError
from ..integration import Integrator
from ..pattern import Pattern, RadialUnit, wavelength_from_energy
from ..urls import Url
from ._formats import FORMATS, MAX_BYTES, SUFFIXES
from ._frame_options import FrameOptions
from ._hdf5_process import HDF5_TIMEOUT, Hdf5Reader
from ._images import IMAGE_SUFFIXES
from ._read import read_results


class ReadOptions(FrameOptions):
    """What the operator says of every file a source reads."""

    wavelength: PositiveFloat | None = None
    """Å; goes before what the files say."""
    energy: PositiveFloat | None = None
    """keV; likewise."""
    unit: RadialUnit | None = None
    """Of the radial axis; goes before what the files say."""
    format: str | None = None
    """A name in FORMATS, for files whose ending misleads."""
    max_mib: float = Field(default=MAX_BYTES / 2**20, gt=0)
    """Largest text file, MiB."""
    hdf5_timeout: float = Field(default=HDF5_TIMEOUT, gt=0, le=3600)
    """s that one pattern or frame of an HDF5 file may take, after which the file is refused."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.wavelength is not None and self.energy is not None:
            raise ValueError("give wavelength (Å) or energy (keV), not both")
        if self.format is not None and self.format not in FORMATS:
            raise ValueError(f"format is one of {', '.join(sorted(FORMATS))}")
        return self

    @property
    def suffixes(self) -> frozenset[str]:
        """Endings of the files that are read."""
        return frozenset(SUFFIXES) | (IMAGE_SUFFIXES if self.poni else frozenset())

    def read(
        self,
        path: Path,
        fallback: float | None,
        integrator: Integrator | None = None,
        hdf5: Hdf5Reader | None = None,
    ) -> Iterator[Pattern | PatternError]:
        """Patterns of `path`; `fallback` (Å) where neither options nor file give a wavelength.

        integrator: that of these options, made once for all files. hdf5: as in `read_results`.
        """
        wavelength = self.wavelength
        if self.energy is not None:
            wavelength = wavelength_from_energy(self.energy)
        return read_results(
            path,
            wavelength=wavelength,
            unit=self.unit,
            format=self.format,
            max_bytes=int(self.max_mib * 2**20),
            fallback=fallback,
            integrator=integrator,
            hdf5=hdf5,
        )


Options = TypeVar("Options", bound=ReadOptions)


def options_of(url: Url, model: type[Options]) -> Options:
    """The URL's query as `model`. Raises ConfigurationError naming option, value and choices."""
    try:
        return model.model_validate(url.query)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in one['loc']) or 'options'}: {one['msg']}"
            for one in error.errors()
        )
        known = ", ".join(model.model_fields)
        raise ConfigurationError(f"{url}: {faults} (options: {known})") from None


def path_of(url: Url) -> Path:
    """File or folder a URL names: ``file:PATH``, ``file:///PATH``, ``file:~/PATH``.

    Raises ConfigurationError for a host or an empty path.
    """
    if url.host not in ("", "localhost"):
        raise ConfigurationError(f"{url}: write {url.scheme}:/FOLDER/… with no host")
    if not url.path:
        raise ConfigurationError(f"{url}: no path; write {url.scheme}:/FOLDER/…")
    return Path(url.path).expanduser()
