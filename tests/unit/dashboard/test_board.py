from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphadiffract_stream.dashboard import Board, bands
from alphadiffract_stream.errors import PatternError
from alphadiffract_stream.pattern import Origin, Pattern, RadialUnit
from alphadiffract_stream.sources import (
    Dropped,
    PatternReceived,
    PatternRefused,
    RunStarted,
    RunStopped,
)

TWO_THETA = np.linspace(2.0, 15.0, 900)
HINTED = {"hints": {"dimensions": [[["furnace"], "primary"]]}, "scan_id": 7}


def origin(seq_num: int, run: str = "r") -> Origin:
    return Origin("test", "", run, "d", "e", seq_num)


def received(seq_num: int, run: str = "r", **data: float) -> PatternReceived:
    counts = np.exp(-(((TWO_THETA - 8) / 0.05) ** 2))
    return PatternReceived(
        Pattern(
            *(counts, TWO_THETA, RadialUnit.TWO_THETA_DEG, 0.4133),
            origin=origin(seq_num, run),
            metadata={"data": data},
        )
    )


def answer(seq_num: int, run: str = "r", **data: object) -> dict:
    said = {
        "raw_run_uid": run,
        "raw_seq_num": seq_num,
        "status": "ok",
        "crystal_system": "cubic",
        "space_group_number": 225,
        "space_group_symbol": "F m -3 m",
        "latency_total": 2.0,
    }
    return {"descriptor": "pd", "seq_num": seq_num, "data": said | data}


@pytest.mark.parametrize("pattern_first", [True, False])
def test_a_pattern_and_its_answer_meet_whichever_comes_first(pattern_first):
    board = Board()
    steps = [
        lambda: board.take(received(3, furnace=400.0)),
        lambda: board.document("event", answer(3)),
    ]
    for step in steps if pattern_first else reversed(steps):
        step()
    frame = board.runs["r"].frames[3]
    assert frame.trace is not None
    assert frame.phase == ("cubic", 225)
    assert frame.motors == {"furnace": 400.0}
    assert board.runs["r"].waiting == 0


def test_frames_of_two_runs_with_the_same_numbers_are_kept_apart():
    board = Board()
    for run in ("one", "two"):
        board.take(RunStarted(run))
        board.take(received(1, run))
    board.document("event", answer(1, "two"))
    assert board.runs["one"].waiting == 1
    assert board.runs["two"].waiting == 0
    assert board.current is board.runs["two"]


def test_a_refused_pattern_is_a_frame_with_its_reason():
    board = Board()
    board.take(PatternRefused(origin(1), PatternError("wavelength", "unknown", "pass --energy")))
    frame = board.runs["r"].frames[1]
    assert "pass --energy" in frame.refusal
    assert frame.trace is None
    assert board.runs["r"].patterns == 1


def test_the_scanned_motor_is_the_hinted_one_or_the_first_that_moves():
    board = Board()
    board.take(RunStarted("r", HINTED))
    for n in (1, 2):
        board.take(received(n, clock=float(n), furnace=300.0 + n))
        board.take(received(n, "plain", still=1.0, moves=float(n)))
    assert board.runs["r"].motor == "furnace"
    assert board.runs["plain"].motor == "moves"


def test_everything_is_bounded_and_what_is_forgotten_is_counted():
    board = Board(max_runs=2, max_frames=5)
    for run in ("a", "b", "c"):
        for n in range(1, 9):
            board.take(received(n, run))
    assert list(board.runs) == ["b", "c"]
    assert board.runs["c"].seq_nums == [4, 5, 6, 7, 8]
    assert board.runs["c"].forgotten == 3
    board.document("event", answer(1, "c"))
    assert 1 not in board.runs["c"].frames


def test_old_patterns_are_let_go_and_their_rows_stay():
    board = Board()
    board.take(received(1))
    board.runs["r"].max_traces = 2
    for n in (2, 3):
        board.take(received(n))
    frames = board.runs["r"].frames
    assert [frames[n].trace is None for n in (1, 2, 3)] == [True, False, False]
    row = frames[1].row
    assert row is not None
    assert row.max() == 255
    assert abs(row.argmax() / row.size - (8 - 2) / (15 - 2)) < 0.01


def test_a_gap_is_missing_and_an_answer_that_came_twice_counts_once():
    board = Board()
    for n in (1, 2, 5):
        board.document("event", answer(n))
    board.document("event", answer(5, crystal_system="trigonal"))
    run = board.runs["r"]
    assert run.missing == 2
    assert run.counts == {"ok": 3}
    assert run.frames[5].phase[0] == "cubic"


def test_the_end_of_a_run_and_the_service_account():
    board = Board()
    board.document("start", {"uid": "p", "analysis": "alphadiffract", "parents": ["r"]})
    board.document("stop", {"run_start": "p", "received": 3, "predicted": 2, "refused": 1})
    board.take(RunStopped("r", 3, "abort"))
    assert board.runs["r"].account == {"received": 3, "predicted": 2, "refused": 1}
    assert board.runs["r"].stopped == "abort"


def test_rates_are_of_the_last_ten_seconds():
    now = 1000.0
    board = Board(clock=lambda: now)
    for n in range(1, 22):
        now = 1000.0 + n / 4
        board.take(received(n))
        board.document("event", answer(n, latency_total=float(n)))
    assert board.rate == pytest.approx(4.0)
    assert board.pattern_rate == pytest.approx(4.0)
    assert board.latency == 11.0
    now = 2000.0
    assert board.rate == 0.0
    assert board.latency is None


@given(
    st.sampled_from(["start", "descriptor", "event", "stop", "odd"]),
    st.dictionaries(
        st.sampled_from(["uid", "data", "parents", "run_start", "analysis", "raw_seq_num"]),
        st.one_of(
            st.none(), st.integers(), st.text(max_size=5), st.lists(st.none(), max_size=2),
            st.dictionaries(
                st.sampled_from(["raw_run_uid", "status", "raw_seq_num"]),
                st.one_of(st.none(), st.text(max_size=3), st.floats()),
            ),
            st.just("alphadiffract"),
        ),
    ),
)  # fmt: skip
def test_no_document_breaks_it(name, document):
    board = Board()
    board.document(name, document)
    assert board.version == 1
    board.take(Dropped(origin(1), "x"))
    assert board.dropped >= 1


@pytest.mark.parametrize("parents", ["", [], {}, None, 3])
def test_a_prediction_run_without_a_parent_is_dropped_and_counted(parents):
    board = Board()
    board.document("start", {"analysis": "alphadiffract", "uid": "p", "parents": parents})
    assert board.dropped == 1
    assert "start" in board.last_dropped


def test_bands_join_frames_of_one_system_and_name_the_commonest_group():
    board = Board()
    groups = [62, 63, 62, 167, 225, 225]
    systems = ["orthorhombic"] * 3 + ["trigonal"] + ["cubic"] * 2
    for n, (group, system) in enumerate(zip(groups, systems, strict=True), start=1):
        document = answer(n, crystal_system=system, space_group_number=group)
        board.document("event", document)
    board.take(received(7))
    found = bands(board.runs["r"])
    assert [(b.crystal_system, b.first, b.last, b.space_group_number) for b in found] == [
        ("orthorhombic", 1, 3, 62),
        ("trigonal", 4, 4, 167),
        ("cubic", 5, 6, 225),
    ]


def test_numbers_that_json_has_not_are_nan():
    board = Board()
    board.document("event", answer(1, lattice_a=None))
    assert math.isnan(board.runs["r"].frames[1].cell("lattice")[0])
