"""Options of a URL whose source may bring frames of a detector: how they are integrated."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import ConfigurationError
from ..integration import Integrator


class FrameOptions(BaseModel):
    """The operator's calibration of the detector; see docs/how-to/integrate-detector-frames.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    poni: Path | None = None
    """PONI file of the detector's geometry. Not given: frames are refused."""
    pixel_mask: Path | None = None
    """Image or ``.npy``; pixels that are not 0 there are not used."""
    npt: Annotated[int, Field(ge=32, le=100_000)] | None = None
    """Bins in 2θ. Not given: two a pixel."""
    polarization_factor: Annotated[float, Field(ge=-1, le=1)] | None = None
    """pyFAI's: 1 for horizontally polarised light. Not given: no correction."""
    error_model: Literal["poisson"] | None = None
    """``poisson``: σ from the counts."""

    @model_validator(mode="after")
    def _together(self) -> Self:
        fields = ("pixel_mask", "npt", "polarization_factor", "error_model")
        given = [name for name in fields if getattr(self, name) is not None]
        if self.poni is None and given:
            raise ValueError(f"{given[0]} is of no use without poni=FILE")
        return self

    def integrator(self) -> Integrator | None:
        """Who integrates frames; None without a PONI file. Takes a second for some megapixels.

        Raises ConfigurationError.
        """
        if self.poni is None:
            return None
        return Integrator(
            self.poni.expanduser(),
            pixel_mask=self.pixel_mask.expanduser() if self.pixel_mask else None,
            npt=self.npt,
            polarization_factor=self.polarization_factor,
            error_model=self.error_model,
        )


def frame_integrator(poni: str | PathLike[str] | None, **options: Any) -> Integrator | None:
    """Who integrates frames by the PONI file `poni`; None without one.

    options: ``pixel_mask``, ``npt``, ``polarization_factor``, ``error_model``, as in the URL of a
    source; None: not given. Raises ConfigurationError for those, and as `Integrator` does.
    """
    try:
        return FrameOptions.model_validate({"poni": poni, **options}).integrator()
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "frames"
        raise ConfigurationError(f"{name}={options.get(name, poni)}: {first['msg']}") from None
