"""What a person reads, in a terminal, a narrow terminal and a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from alphadiffract_stream.demo._display import Display, cells
from alphadiffract_stream.demo._frames import Frame, Truth
from alphadiffract_stream.demo._summary import Summary

ANSWER = {
    "status": "ok",
    "reason": "",
    "crystal_system": "orthorhombic",
    "crystal_system_probability": 0.93,
    "space_group_number": 62,
    "space_group_symbol": "P n m a",
    "space_group_probability": 0.51,
    **{f"conventional_{edge}": 5.0 for edge in ("a", "b", "c")},
    **{f"conventional_{edge}": 90.0 for edge in ("alpha", "beta", "gamma")},
}
REFUSAL = {**ANSWER, "status": "refused", "reason": "intensity: all NaN; check the detector"}
FRAMES = [
    Frame(1, Truth.at(300.0), ANSWER, 2.0),
    Frame(2, Truth.at(720.0), ANSWER, 4.0),
    Frame(3, Truth.at(850.0), ANSWER, 3.0),
    Frame(4, Truth.at(900.0), REFUSAL, 1.0),
    Frame(5, Truth.at(1200.0), None, None),
]


def shown(width: int, *, terminal: bool, headless: bool = False) -> str:
    output = io.StringIO()
    console = Console(
        file=output, width=width, height=40, force_terminal=terminal, color_system=None
    )
    with Display(len(FRAMES), headless=headless, console=console) as display:
        for frame in FRAMES[:4]:
            display.show(frame)
        display.finish(Summary.of(FRAMES, {"received": 4, "predicted": 3, "uid": "x"}))
    return output.getvalue()


def test_right_wrong_and_undecided_look_different() -> None:
    styles = [[text.style for text in cells(frame)[2:4]] for frame in FRAMES[:3]]
    assert styles == [["green", "green"], ["", ""], ["red", "red"]]


def test_wrong_predictions_are_shown_as_they_are() -> None:
    row = [text.plain for text in cells(FRAMES[2])]
    assert row[:4] == ["850", "calcite R-3c (167)", "orthorhombic 0.93", "Pnma (62) 0.51"]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_a_terminal_shows_what_matters_at_any_width(width: int) -> None:
    text = shown(width, terminal=True)
    for piece in ("aragonite Pnma (62)", "orthorhombic 0.93", "Pnma (62) 0.51", "720"):
        assert piece in text


def test_a_pipe_gets_one_line_a_frame_however_long() -> None:
    lines = shown(40, terminal=False).splitlines()
    rows = [line for line in lines if line.lstrip()[:1].isdigit() and "frames" not in line]
    assert len(rows) == 4
    assert rows[3].endswith("refused: intensity: all NaN; check the detector")


def test_headless_says_only_the_summary() -> None:
    assert shown(200, terminal=True, headless=True).splitlines() == [
        "3 of 5 frames predicted (1 missing, 3 ok, 1 refused)",
        "right crystal system on 1 of 2 frames of one phase, right space group on 1",
        "from event document to prediction: p50 2.5 ms, p99 4.0 ms",
        "the service's account: 4 received, 3 predicted",
    ]


def test_a_scan_is_complete_only_when_a_network_answered_every_frame() -> None:
    assert Summary.of(FRAMES[:3], None).complete
    assert not Summary.of(FRAMES[:4], None).complete
    assert not Summary.of([FRAMES[0], FRAMES[4]], None).complete
