from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from alphadiffract_stream.cli import app
from alphadiffract_stream.dashboard import Board
from alphadiffract_stream.dashboard._html import account, answer, bars, headline
from alphadiffract_stream.dashboard._marks import STATUSES, SYSTEMS
from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.prediction import CRYSTAL_SYSTEMS, Status
from alphadiffract_stream.sources import RunStarted

EVIL = "<script>alert(1)</script>"


def board_with(**data: object) -> Board:
    board = Board()
    board.take(RunStarted("r", {"sample_name": EVIL, "scan_id": 3}))
    said = {
        "raw_run_uid": "r",
        "raw_seq_num": 4,
        "status": "ok",
        "crystal_system": "trigonal",
        "crystal_system_probability": 0.93,
        "crystal_system_std": 0.04,
        "crystal_system_probabilities": [0.0, 0.0, 0.02, 0.0, 0.93, 0.05, 0.0],
        "space_group_number": 167,
        "space_group_symbol": "R -3 c",
        "space_group_probability": 0.6,
        "space_group_numbers": [167, 0],
        "space_group_symbols": ["R -3 c", ""],
        "space_group_probabilities": [0.6, 0.0],
        "space_group_stds": [0.1, 0.0],
    }
    board.document("event", {"data": said | data})
    return board


def test_the_answer_is_in_words_with_its_uncertainty():
    run = board_with().runs["r"]
    said = answer(run, run.latest) + bars(run.latest)
    for words in ("trigonal", "93 %", "± 4", "R -3 c", "no. 167", "60 %", "● ", "ok"):
        assert words in re.sub(r"</?(span|small)[^>]*>", "", said), words
    assert said.count('role="meter"') == 7 + 1


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_a_shape_and_words_of_its_own(status):
    run = board_with(status=str(status), reason=f"why {EVIL}").runs["r"]
    said = answer(run, run.latest)
    mark = STATUSES[str(status)]
    assert mark.shape in said
    assert mark.words in said
    assert EVIL not in said
    assert len({m.shape for m in STATUSES.values()}) == len(STATUSES)


def test_every_system_has_a_colour_and_a_hatching_of_its_own():
    assert tuple(SYSTEMS) == CRYSTAL_SYSTEMS
    assert len({mark.colour for mark in SYSTEMS.values()}) == 7
    assert len({mark.hatch for mark in SYSTEMS.values()}) == 7


def test_what_documents_say_is_escaped_everywhere():
    board = board_with(crystal_system=EVIL, space_group_symbol=EVIL, space_group_symbols=[EVIL])
    board.unreadable(EVIL)
    run = board.runs["r"]
    said = answer(run, run.latest) + bars(run.latest) + account(board, run) + headline(board, run)
    assert "<script" not in said
    assert "&lt;script" in said


def test_the_headline_says_whether_it_is_live():
    now = 100.0
    board = Board(clock=lambda: now)
    assert "WAITING" in headline(board, None, now)
    board.take(RunStarted("r"))
    assert "LIVE" in headline(board, board.current, now + 1)
    assert "NOTHING HEARD" in headline(board, board.current, now + 60)
    board.runs["r"].stopped = "abort"
    assert "RUN ENDED: abort" in headline(board, board.current, now)


def test_predict_draws_what_it_read(tmp_path):
    pytest.importorskip("matplotlib")
    x = np.linspace(1.5, 8, 400)
    rows = np.column_stack([x, 100 * np.exp(-(((x - 3.5) / 0.03) ** 2)) + 1])
    good, bad = tmp_path / "good.xy", tmp_path / "bad.xy"
    np.savetxt(good, rows)
    bad.write_text("nothing\n")
    picture = tmp_path / "out.svg"
    arguments = [str(good), str(bad), "--unit", "q_A^-1", "--plot", str(picture)]
    done = CliRunner().invoke(app, ["predict", *arguments])
    assert done.exit_code == 2, done.output
    assert picture.stat().st_size > 10_000


def test_a_plot_of_another_kind_is_refused_before_anything_is_read(tmp_path):
    arguments = [str(tmp_path / "no.xy"), "--plot", "out.bmp"]
    done = CliRunner().invoke(app, ["predict", *arguments])
    assert done.exit_code == 1
    assert "out.bmp" in done.output


def test_others_need_a_token_and_a_long_one():
    pytest.importorskip("bokeh")
    from alphadiffract_stream.dashboard._access import TokenAccess, check_token, is_loopback

    check_token("127.0.0.1", None)
    check_token("0.0.0.0", "0123456789abcdef")
    with pytest.raises(ConfigurationError, match="token"):
        check_token("0.0.0.0", None)
    with pytest.raises(ConfigurationError, match="16 or more"):
        check_token("127.0.0.1", "short")
    assert [is_loopback(a) for a in ("localhost", "::1", "[::1]", "10.0.0.1", "example.org")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    access = TokenAccess("0123456789abcdef")
    assert access.knows("0123456789abcdef")
    assert not access.knows("0123456789abcdeF")
    assert not access.knows("é")


def test_without_bokeh_the_extra_is_named():
    code = (
        "import sys; sys.modules['bokeh'] = None\n"
        "from alphadiffract_stream.cli import app\n"
        "app(['dashboard', '--source', 'bluesky-zmq://127.0.0.1:1'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "alphadiffract-stream[dashboard]" in done.stderr


def test_the_page_names_no_other_host():
    folder = Path(sys.modules["alphadiffract_stream.dashboard"].__path__[0])
    for name in ("page.html", "widgets.css"):
        assert not re.search(r"https?://|//[a-z]", (folder / name).read_text(encoding="utf-8"))
