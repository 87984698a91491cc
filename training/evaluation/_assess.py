"""Everything known of one network on one set, ready to be written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alphadiffract_stream.prediction import Outputs

from ..labelled_set import LabelledSet
from ..patterns import SYSTEM_LIMITS
from ._baselines import Baselines, Prior, baselines, prior_of_set
from ._ensemble import SizePoint, combined, size_curve
from ._metrics import Metrics, evaluate_outputs
from ._networks import Contender
from ._run import predict_with, selected
from ._seen import Overlap
from ._trust import Reliability, RiskCoverage, reliability, risk_coverage

Distances = NDArray[np.floating] | None


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """One contender on one set."""

    network: str
    labelled: LabelledSet
    background: str | None
    outputs: Outputs
    metrics: Metrics
    baselines: Baselines
    sizes: list[SizePoint]
    """Ensembles of 1 … M files; empty for one file."""
    overlap: Overlap | None = None
    parts: dict[str, Metrics] = field(default_factory=dict)
    """The same metrics on parts of the set, as `Overlap.parts` names them; empty parts left out."""
    counterpart: tuple[Metrics, Metrics] | None = None
    """On the seen patterns as measured, and on patterns simulated of the matching structures."""

    def calibration(self) -> tuple[Reliability, Reliability]:
        """Of crystal system and space group."""
        system, group = self._confidences()
        return reliability(*system), reliability(*group)

    def risk_coverage(self) -> tuple[RiskCoverage, RiskCoverage]:
        """Of crystal system and space group."""
        system, group = self._confidences()
        return risk_coverage(*system), risk_coverage(*group)

    def _confidences(self) -> list[tuple[NDArray[np.floating], NDArray[np.bool_]]]:
        group = self.labelled.space_group
        pairs = (
            (self.outputs.crystal_system, np.searchsorted(SYSTEM_LIMITS, group)),
            (self.outputs.space_group, group - 1),
        )
        return [(p.max(axis=1), p.argmax(axis=1) == true) for p, true in pairs]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the metrics at the top, what belongs to the report below."""
        values = self.metrics.as_dict()
        values["baselines"] = self.baselines.as_dict()
        values["background"] = self.background
        values["ensemble_size"] = [
            {name: getattr(point, name) for name in SizePoint.__slots__} for point in self.sizes
        ]
        values["parts"] = {name: part.as_dict() for name, part in self.parts.items()}
        if self.counterpart:
            measured, simulated = self.counterpart
            values["counterpart"] = {
                "measured": measured.as_dict(),
                "simulated": simulated.as_dict(),
            }
        return values


def assess(
    contender: Contender,
    labelled: LabelledSet,
    *,
    background: str | None = None,
    distances: Distances = None,
    prior: Prior | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Assessment:
    """Run `contender` over every pattern of `labelled`.

    `background` is left off simulated sets, which are drawn as the network was trained.
    """
    used = None if labelled.simulated else background
    each = predict_with(contender.engines, labelled, background=used, progress=progress)
    outputs = combined(each, contender.members) if len(each) > 1 else each[0]
    group, niggli = labelled.space_group, labelled.niggli
    return Assessment(
        network=contender.label,
        labelled=labelled,
        background=used,
        outputs=outputs,
        metrics=evaluate_outputs(outputs, group, niggli, distances, labelled.structure),
        baselines=baselines(prior or prior_of_set(group, niggli), group, niggli, outputs),
        sizes=size_curve(each, group) if len(each) > 1 else [],
    )


def with_overlap(assessment: Assessment, overlap: Overlap, distances: Distances) -> Assessment:
    """The same with the metrics of seen and not seen patterns."""
    parts = {
        name: _part(assessment, rows, distances)
        for name, rows in overlap.parts.items()
        if rows.any()
    }
    return replace(assessment, overlap=overlap, parts=parts)


def with_counterpart(
    assessment: Assessment,
    contender: Contender,
    drawn: LabelledSet,
    distances: Distances,
    progress: Callable[[int], None] = lambda done: None,
) -> Assessment:
    """The same beside `drawn`: patterns simulated of the structures the seen ones match."""
    if assessment.overlap is None:
        raise ValueError("overlap: find the seen patterns first")
    simulated = assess(contender, drawn, distances=distances, progress=progress).metrics
    measured = _part(assessment, assessment.overlap.match >= 0, distances)
    return replace(assessment, counterpart=(measured, simulated))


def _part(assessment: Assessment, rows: NDArray[np.bool_], distances: Distances) -> Metrics:
    labelled = assessment.labelled
    return evaluate_outputs(
        selected(assessment.outputs, rows),
        labelled.space_group[rows],
        labelled.niggli[rows],
        distances,
        labelled.structure[rows],
    )
