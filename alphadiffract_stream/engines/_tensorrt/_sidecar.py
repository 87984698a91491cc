"""What a plan was built from, with and for: JSON beside it (``NAME.plan.json``)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


class PlanSidecar(BaseModel):
    """A plan is right only for one network, one TensorRT and one kind of GPU."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    onnx_sha256: str
    plan_sha256: str
    tensorrt: str
    """Version that built the plan."""
    compute_capability: str
    """Of the GPU it was built on, e.g. ``9.0``."""
    precision: Literal["half", "single"]
    """``half``: convolutions and all but the last linear layers in FP16."""
    max_batch: int
    patterns: str
    """Those the plan was compared with the ONNX file on."""
    difference: dict[str, float]
    """Largest differences between the two on these patterns."""
    built: str = ""

    @classmethod
    def read(cls, plan: Path) -> PlanSidecar:
        """The one beside `plan`. Raises FileNotFoundError, pydantic.ValidationError."""
        return cls.model_validate_json(sidecar_path(plan).read_text(encoding="utf-8"))

    def write(self, plan: Path) -> None:
        """Put it beside `plan`."""
        text = self.model_dump_json(indent=1) + "\n"
        sidecar_path(plan).write_text(text, encoding="utf-8")

    def mismatch(self, **wanted: object) -> str:
        """The first field that is not as `wanted`, in words; empty where all are."""
        for name, value in wanted.items():
            if (found := getattr(self, name)) != value:
                return f"{name} is {found}, here it is {value}"
        return ""


def sidecar_path(plan: Path) -> Path:
    """``NAME.plan.json`` of ``NAME.plan``."""
    return plan.with_name(plan.name + ".json")
