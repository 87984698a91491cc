"""A TensorRT plan on this machine's GPU: ``tensorrt:PATH[?device=0&graph=yes]``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import ConfigurationError
from ...urls import Url
from ._sidecar import PlanSidecar, sidecar_path

if TYPE_CHECKING:
    from ._engine import TensorrtEngine

__all__ = ["PlanSidecar", "TensorrtOptions", "open", "sidecar_path"]


class TensorrtOptions(BaseModel):
    """Query part of ``tensorrt:PATH?…``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: int = Field(default=0, ge=0)
    """Number of the GPU."""
    graph: bool = True
    """Replay batches of one as a CUDA graph."""


def open(url: Url) -> TensorrtEngine:
    """Engine for a plan made by ``python -m training build-engine`` on a GPU like this one.

    Raises ConfigurationError for options it does not know, EngineError without a GPU or for a plan
    that is missing or was built for another GPU, TensorRT or network.
    """
    if not url.path:
        raise ConfigurationError(f"{url}: write tensorrt:PATH of a plan")
    try:
        options = TensorrtOptions.model_validate(url.query)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = ".".join(map(str, fault["loc"]))
        known = ", ".join(TensorrtOptions.model_fields)
        raise ConfigurationError(f"{url}: {name}: {fault['msg']}; known: {known}") from None
    from ._engine import TensorrtEngine

    return TensorrtEngine(Path(url.path), device=options.device, graph=options.graph)
