"""A calibration's probabilities as a file, so that what was fitted apart can be exported."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ._calibrate import Calibration

KEPT = (
    *("system_temperature", "group_temperature", "group_share"),
    *("prior", "prior_strength", "group_bias", "system_bias"),
)


def write_calibration(path: Path, calibration: Calibration, record: dict[str, Any]) -> None:
    """JSON of what turns logits into probabilities, and of how it was found."""
    values = {name: value for name, value in asdict(calibration).items() if name in KEPT}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**values, "record": record}, indent=1) + "\n", encoding="utf-8")


def read_calibration(path: Path, onto: Calibration | None = None) -> Calibration:
    """`onto` (lattice, domain) with the probabilities of a file. Raises ValueError naming it."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        found = {name: values[name] for name in KEPT}
        for name, width in (("group_bias", 230), ("system_bias", 7)):
            found[name] = tuple(float(v) for v in found[name])
            if len(found[name]) not in (0, width):
                raise ValueError(f"{name}: {len(found[name])} numbers, expected {width} or none")
    except (KeyError, TypeError, ValueError) as error:
        remedy = "write it with `python -m training calibrate`"
        raise ValueError(f"{path}: no calibration ({error}); {remedy}") from None
    return replace(onto or Calibration(), **found)
