"""The demo as a user runs it: real RunEngine, real proxy, the service in another process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import all_gone, children_of

pytest.importorskip("bluesky", reason="the demo extra is not installed")
pytest.importorskip("ophyd", reason="the demo extra is not installed")

DEMO = [str(Path(sys.executable).with_name("alphadiffract-stream")), "demo"]
FRAMES = 24


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What `demo --headless` wrote."""
    path = tmp_path_factory.mktemp("demo") / "demo.json"
    done = subprocess.run(
        [*DEMO, "--headless", "--frames", str(FRAMES), "--json", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        env=os.environ | {"TERM": "dumb"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads(path.read_text(encoding="utf-8"))
    assert f"{FRAMES} of {FRAMES} frames predicted" in done.stdout
    return content


def test_every_frame_is_predicted_in_order(result: dict) -> None:
    frames = result["frames"]
    assert [frame["seq_num"] for frame in frames] == list(range(1, FRAMES + 1))
    for frame in frames:
        assert frame["status"] in ("ok", "low_confidence", "out_of_domain")
        assert 0 < frame["prediction"]["crystal_system_probability"] <= 1
        assert frame["latency_ms"] > 0


def test_truth_goes_through_three_phases_and_two_mixtures(result: dict) -> None:
    phases = [frame["truth"]["phase"] for frame in result["frames"]]
    in_order = [p for n, p in enumerate(phases) if n == 0 or p != phases[n - 1]]
    assert in_order == ["aragonite", None, "calcite", None, "lime"]


def test_verdicts_follow_from_truth_and_prediction(result: dict) -> None:
    """The demo may be wrong about crystals, never about whether it was."""
    judged = right = 0
    for frame in result["frames"]:
        truth, prediction = frame["truth"], frame["prediction"]
        if truth["phase"] is None:
            assert frame["system_right"] is None
            continue
        judged += 1
        right += truth["crystal_system"] == prediction["crystal_system"]
        assert frame["system_right"] == (truth["crystal_system"] == prediction["crystal_system"])
    assert (judged, right) == (result["summary"]["pure"], result["summary"]["system_right"])


def test_predictions_differ_between_frames(result: dict) -> None:
    """Constants from anywhere would not: noise alone moves the probability."""
    seen = {frame["prediction"]["crystal_system_probability"] for frame in result["frames"]}
    assert len(seen) > FRAMES // 2


def test_the_service_accounts_for_every_frame(result: dict) -> None:
    account = result["summary"]["account"]
    assert account["received"] == account["predicted"] == FRAMES
    assert account["refused"] == account["failed"] == account["missing"] == 0


def test_no_display_is_needed(tmp_path: Path) -> None:
    """A person's view, written to a pipe: one line a frame and the summary."""
    done = subprocess.run(
        [*DEMO, "--frames", "3"],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
        env={k: v for k, v in os.environ.items() if k not in ("DISPLAY", "TERM")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert any("aragonite Pnma (62)" in line for line in lines)
    assert any("lime Fm-3m (225)" in line for line in lines)
    assert any("3 of 3 frames predicted" in line for line in lines)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_running(how: signal.Signals) -> None:
    demo = subprocess.Popen(
        [*DEMO, "--frames", "2000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell starts what it puts in the background, these tests perhaps, deaf to SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert demo.stdout is not None
    try:
        for line in demo.stdout:
            if "aragonite Pnma" in line:
                break
        children = children_of(demo.pid)
        assert len(children) >= 4, "two guards, a proxy and a service"
        demo.send_signal(how)
        demo.stdout.read()
        assert demo.wait(30) != 0
    finally:
        demo.kill()
        demo.wait(30)
        demo.stdout.close()
    assert all_gone(children)


def test_a_model_that_does_not_exist_ends_the_demo_with_the_reason() -> None:
    done = subprocess.run(
        [*DEMO, "--headless", "--frames", "3", "--engine", "onnx:no-such-model.onnx"],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode != 0
    assert "no-such-model.onnx" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_too_few_frames_are_refused() -> None:
    done = subprocess.run(
        [*DEMO, "--frames", "1"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode != 0
    assert "2 frames at least" in done.stdout + done.stderr
