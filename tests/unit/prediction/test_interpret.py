from __future__ import annotations

import json
import math
from dataclasses import fields, replace

import numpy as np
import pytest

from alphadiffract_stream.errors import EngineError, PatternError
from alphadiffract_stream.grid import GridPattern
from alphadiffract_stream.pattern import Origin, Pattern, RadialUnit
from alphadiffract_stream.prediction import (
    CRYSTAL_SYSTEMS,
    ModelCard,
    Outputs,
    Status,
    as_record,
    distances,
    failure,
    interpret,
    refusal,
)

F = 4
CARD = ModelCard(
    name="m",
    version="1",
    sha256="0",
    training_set="t",
    members=3,
    parameters=1,
    embedding_width=F,
    low_confidence_below=0.5,
    minimum_coverage=0.3,
)
CALCITE_NIGGLI = (4.99, 4.99, 6.376, 66.97, 66.97, 60.0)


def outputs(n: int = 1, **rows) -> Outputs:
    """Calcite, confidently, `n` times; `rows` replace whole outputs."""
    system = np.full((n, 7), 0.02)
    system[:, CRYSTAL_SYSTEMS.index("trigonal")] = 0.88
    group = np.zeros((n, 230))
    group[:, [166, 165, 160, 14, 61, 0]] = [0.6, 0.2, 0.08, 0.06, 0.04, 0.02]
    values = {
        "crystal_system": system,
        "crystal_system_std": np.full((n, 7), 0.03),
        "space_group": group,
        "space_group_std": np.full((n, 230), 0.01),
        "lattice": np.tile(CALCITE_NIGGLI, (n, 1)),
        "lattice_std": np.full((n, 6), 0.03),
        "embedding": np.zeros((n, F)),
    }
    values |= {name: np.atleast_2d(row) for name, row in rows.items()}
    return Outputs(**{name: np.asarray(v, np.float32) for name, v in values.items()})


def grid(coverage: float = 1.0, flags: tuple[str, ...] = ()) -> GridPattern:
    return GridPattern(np.zeros(8192, np.float32), np.zeros(8192, bool), coverage, flags)


def pattern(seq_num: int = 1) -> Pattern:
    axis = np.linspace(1, 5, 20)
    return Pattern(axis, axis, RadialUnit.Q_INV_ANGSTROM, origin=Origin(seq_num=seq_num))


def one(card: ModelCard = CARD, coverage: float = 1.0, **rows):
    return interpret(outputs(**rows), [grid(coverage)], [pattern()], card, "onnx")[0]


def test_a_confident_answer():
    answer = interpret(outputs(), [grid(flags=("gaps",))], [pattern(9)], CARD, "onnx")[0]
    assert (answer.status, answer.reason) == (Status.OK, "")
    assert answer.crystal_system == "trigonal"
    assert answer.crystal_system_probability == pytest.approx(0.88)
    assert answer.crystal_system_std == pytest.approx(0.03)
    assert [g.number for g in answer.space_groups] == [167, 166, 161, 15, 62]
    assert [g.symbol for g in answer.space_groups][:2] == ["R -3 c", "R -3 m"]
    assert [g.probability for g in answer.space_groups] == pytest.approx(
        [0.6, 0.2, 0.08, 0.06, 0.04]
    )
    assert answer.consistency == pytest.approx(0.88), "167, 166 and 161 are trigonal"
    p = np.array([0.6, 0.2, 0.08, 0.06, 0.04, 0.02])
    assert answer.entropy == pytest.approx(-(p * np.log(p)).sum(), rel=1e-5)
    assert answer.origin.seq_num == 9
    assert answer.flags == ("gaps",)
    assert answer.engine == "onnx"
    assert math.isnan(answer.novelty)


def test_the_conventional_cell_is_the_top_groups():
    answer = one()
    a, b, c, *angles = answer.conventional
    assert (a, b, c) == pytest.approx((4.99, 4.99, 17.06), abs=0.02)
    assert angles == [90.0, 90.0, 120.0]
    assert answer.conventional_misfit < 0.01


def test_six_numbers_that_make_no_cell_are_flagged():
    answer = one(lattice=[1, 1, 1, 10, 10, 170])
    assert answer.flags == ("lattice_not_a_cell",)
    assert all(math.isnan(x) for x in answer.conventional)
    assert answer.status is Status.OK


def test_validation_error_is_added_to_the_member_spread():
    card = CARD.model_copy(update={"lattice_std": [0.04, 0.0, 0.4, 0.0, 0.0, 0.0]})
    expected = np.hypot(0.03, [0.04, 0.0, 0.4, 0.0, 0.0, 0.0])
    assert one(card).lattice_std == pytest.approx(expected, rel=1e-5)
    assert one(CARD).lattice_std == pytest.approx([0.03] * 6)


def test_low_confidence_names_the_probability():
    flat = np.full(7, 1 / 7)
    answer = one(crystal_system=flat)
    assert answer.status is Status.LOW_CONFIDENCE
    assert "0.14 is below 0.5" in answer.reason


def test_little_coverage_is_out_of_domain_whatever_the_confidence():
    answer = one(coverage=0.25)
    assert answer.status is Status.OUT_OF_DOMAIN
    assert "covers 25%" in answer.reason
    assert "30%" in answer.reason
    assert one(coverage=0.3).status is Status.OK


def test_novelty_is_the_rms_standardised_distance_over_the_threshold():
    domain = {"mean": [1.0, 0, 0, 0], "std": [0.5, 1, 2, 1], "threshold": 1.0}
    card = ModelCard(**(CARD.model_dump() | {"domain": domain}))
    near = one(card, embedding=[1.0, 1, 2, 0])
    assert near.novelty == pytest.approx(math.sqrt(2 / 4))
    assert near.status is Status.OK
    far = one(card, embedding=[2.5, 0, 6, 0])
    assert far.novelty == pytest.approx(math.sqrt((9 + 9) / 4))
    assert far.status is Status.OUT_OF_DOMAIN
    assert "2.12 times" in far.reason


def test_a_feature_that_never_moves_does_not_divide_by_zero():
    assert distances(np.zeros((2, 2)), [0.0, 0.0], [0.0, 1.0]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", [f.name for f in fields(Outputs)])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_none_fail_their_own_row_only(name, value):
    three = outputs(3)
    getattr(three, name)[1, 0] = value
    answers = interpret(three, [grid(0.8)] * 3, [pattern(n) for n in (1, 2, 3)], CARD, "onnx")
    assert [a.status for a in answers] == [Status.OK, Status.FAILED, Status.OK]
    assert f"{name} is not finite" in answers[1].reason
    assert answers[1].origin.seq_num == 2
    assert answers[1].coverage == 0.8


def test_logits_are_no_probabilities():
    answer = one(space_group=np.full(230, 2.0))
    assert answer.status is Status.FAILED
    assert "space_group sums to 460" in answer.reason


def test_rows_must_match_patterns():
    with pytest.raises(EngineError, match="1 answers to 2 patterns"):
        interpret(outputs(1), [grid()] * 2, [pattern()] * 2, CARD, "onnx")


def test_each_row_answers_its_own_pattern():
    n = 40
    systems = np.random.default_rng(0).dirichlet(np.ones(7), n)
    batch = outputs(n, crystal_system=systems)
    answers = interpret(batch, [grid()] * n, [pattern(i) for i in range(n)], CARD, "onnx")
    assert [a.origin.seq_num for a in answers] == list(range(n))
    for row, answer in enumerate(answers):
        assert answer.crystal_system == CRYSTAL_SYSTEMS[systems[row].argmax()]
        assert answer.crystal_system_probabilities == pytest.approx(systems[row], rel=1e-5)


def test_refusal_and_failure_say_why():
    origin = Origin(seq_num=4)
    error = PatternError("wavelength", "unknown", "pass --energy or --wavelength")
    refused = refusal(origin, error)
    assert (refused.status, refused.origin) == (Status.REFUSED, origin)
    assert refused.reason == "wavelength: unknown; pass --energy or --wavelength"
    failed = failure(origin, TimeoutError())
    assert (failed.status, failed.reason) == (Status.FAILED, "TimeoutError")
    assert not failed.status.predicted


def test_a_record_is_json_also_where_numbers_are_none():
    answer = replace(one(), lattice=(math.nan,) * 6)
    record = json.loads(json.dumps(as_record(answer), allow_nan=False))
    assert record["status"] == "ok"
    assert record["lattice"] == [None] * 6
    assert record["space_groups"][0]["symbol"] == "R -3 c"
    assert record["origin"]["seq_num"] == 1
    assert "embedding" not in record
