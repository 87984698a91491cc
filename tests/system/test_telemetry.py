"""``serve --metrics-port`` as a real process: what it tells while patterns come and after."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request

import numpy as np

from tests.serving import BOUND, POINTS, SERVE, serving
from tests.support import make_tiny_model


def get(url: str) -> tuple[int, str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_it_tells_the_truth_while_it_serves(tmp_path):
    options = ["--source", BOUND, "--sink", f"jsonl:{tmp_path}/out.jsonl", "--wavelength", "0.5"]
    options += ["--engine", f"onnx:{make_tiny_model(tmp_path)}", "--metrics-port", "0"]
    env = {"ALPHADIFFRACT_LOG_FORMAT": "json"}
    with serving(tmp_path, *options, env=env) as served:
        address = served.connect()["metrics"]
        assert address.startswith("http://127.0.0.1:")
        start = {"unit": "2th_deg", "axis": {"start": 2, "stop": 40}}
        served.send(served.header("start", **start))
        for n in (1, 2, 4):
            served.pattern(n)
        served.pattern(5, np.full(POINTS, 7.0))

        def account() -> dict:
            runs = json.loads(get(address + "/status")[1])["runs"]
            return runs[0] if runs else {"received": 0, "waiting": 0}

        served.wait(lambda: account()["received"] == 4 and account()["waiting"] == 0)
        run = account()
        counts = [run[name] for name in ("predicted", "refused", "failed", "missing")]
        assert (counts, run["missing_seq_nums"], run["uid"]) == ([3, 1, 0, 1], [3], "raw-1")
        assert get(address + "/healthz")[0] == 200
        status, text = get(address + "/readyz")
        assert status == 200, text
        metrics = get(address + "/metrics")[1]
        assert "alphadiffract_events_predicted_total 3.0" in metrics
        for stage in ("decode", "publish"):
            assert f'alphadiffract_stage_seconds_count{{stage="{stage}"}} 4.0' in metrics

        command = [SERVE[0], "status", address]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert "raw-1" in shown.stdout

        assert served.stop() == 0
        lines = [json.loads(line) for line in served.log.read_text().splitlines()]
        (refused,) = [line for line in lines if "refused:" in line["message"]]
        assert (refused["run_uid"], refused["seq_num"]) == ("raw-1", 5)
    gone = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert gone.returncode == 1
    assert "no service answers" in gone.stderr


def test_a_port_that_is_taken_is_said_before_anything_is_served(tmp_path):
    with serving(
        tmp_path,
        *("--source", BOUND, "--sink", f"jsonl:{tmp_path}/out.jsonl", "--metrics-port", "0"),
        *("--engine", f"onnx:{make_tiny_model(tmp_path)}"),
    ) as served:
        port = served.connect()["metrics"].rpartition(":")[2]
        second = [*SERVE, "--source", BOUND, "--metrics-port", port]
        done = subprocess.run(second, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 1
        assert f"metrics_port={port}: cannot serve there" in done.stderr
        assert "Traceback" not in done.stderr
