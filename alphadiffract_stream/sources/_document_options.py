"""Options of every URL whose source carries documents: what to read in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from ..errors import PatternError
from ._assembler import PatternKeys, axis_unit
from ._external import Filler
from ._frame_options import FrameOptions
from ._hdf5_process import HDF5_TIMEOUT


class DocumentOptions(FrameOptions):
    """What the operator says of the documents; see docs/reference/wire.md."""

    patience: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 2.0
    """s that documents wait for the start or descriptor they refer to."""
    intensity: str | None = None
    axis: str | None = None
    sigma: str | None = None
    mask: str | None = None
    unit: str | None = None
    energy: str | None = None
    wavelength: str | None = None

    data: str = ""
    """Folders external data may lie in, separated by ``:``. Empty: it is not read."""
    data_wait: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 10.0
    """s that a file, or a row in it, may be later than the document that names it."""
    hdf5_timeout: Annotated[float, Field(gt=0, le=3600)] = HDF5_TIMEOUT
    """s that reading an event's rows of an HDF5 file may take, after which it is refused."""

    @field_validator("energy", "wavelength")
    @classmethod
    def _names_a_key(cls, value: str | None) -> str | None:
        if value is not None and value.replace(".", "", 1).isdigit():
            raise ValueError("names a data key; give a value with --energy or --wavelength")
        return value

    @field_validator("mask")
    @classmethod
    def _names_no_file(cls, value: str | None) -> str | None:
        if value is not None and "/" in value:
            raise ValueError("names a data key; a file of bad pixels is given with pixel_mask=")
        return value

    @field_validator("unit")
    @classmethod
    def _is_a_unit(cls, value: str | None) -> str | None:
        try:
            return value if value is None else axis_unit("axis", value) and value
        except PatternError as error:
            raise ValueError(error.remedy) from None

    def filler(self) -> Filler | None:
        """Who reads external data; None where it is not read. Raises ConfigurationError."""
        folders = [Path(folder) for folder in self.data.split(":") if folder]
        return Filler(folders, self.data_wait, self.hdf5_timeout) if folders else None

    @property
    def keys(self) -> PatternKeys:
        """Data keys the operator named."""
        roles = ("intensity", "axis", "sigma", "mask", "unit", "energy", "wavelength")
        return PatternKeys(**{role: getattr(self, role) for role in roles})
