"""The page in a real browser, fed by a real proxy: what a person sees, and what it asks for."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import zmq
from typer.testing import CliRunner

from alphadiffract_stream.cli import app
from alphadiffract_stream.crystal import niggli_cell
from alphadiffract_stream.demo import Diffractometer
from alphadiffract_stream.demo._crystals import CALCITE
from alphadiffract_stream.documents import PredictionRun
from alphadiffract_stream.pattern import Origin
from alphadiffract_stream.prediction import ModelCard, Prediction, SpaceGroupCandidate, Status
from alphadiffract_stream.wire import Serializer, encode_message
from tests.browser import open_browser
from tests.certificates import self_signed

pytest.importorskip("bokeh")

COMMAND = [sys.executable, "-m", "alphadiffract_stream", "dashboard", "--port", "0"]
DETECTOR = Diffractometer()
CARD = ModelCard(
    name="simulated",
    version="1",
    sha256="0",
    training_set="none",
    members=1,
    parameters=1,
    embedding_width=1,
    minimum_coverage=0.0,
)


class Beamline:
    """Publishes a scan of calcite and the answers to it where the page listens."""

    def __init__(self) -> None:
        self._context = zmq.Context()
        self.socket = self._context.socket(zmq.XPUB)
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self._predictions: PredictionRun | None = None
        self.random = np.random.default_rng(0)

    def await_readers(self, topics: set[bytes]) -> None:
        while topics:
            assert self.socket.poll(60_000), "the page never subscribed"
            topics.discard(self.socket.recv()[1:])

    def send(self, prefix: bytes, name: str, document: object) -> None:
        self.socket.send(encode_message(name, document, Serializer.MSGPACK, prefix))  # type: ignore[arg-type]

    def begin(self) -> None:
        start = {
            "uid": "raw",
            "time": time.time(),
            "scan_id": 12,
            "sample_name": "calcite <b>",
            "hints": {"dimensions": [[["furnace"], "primary"]]},
        }
        n = DETECTOR.two_theta.size
        keys = {
            "detector_intensity": {"dtype": "array", "shape": [n], "source": "sim"},
            "detector_two_theta": {"dtype": "array", "shape": [n], "units": "deg", "source": "sim"},
            "mono_energy": {"dtype": "number", "shape": [], "units": "keV", "source": "sim"},
            "furnace": {"dtype": "number", "shape": [], "units": "K", "source": "sim"},
        }
        self.send(b"raw", "start", start)
        descriptor = {"uid": "rd", "run_start": "raw", "name": "primary", "time": 0.0}
        self.send(b"raw", "descriptor", descriptor | {"data_keys": keys})
        self._predictions = PredictionRun(start, CARD, "sim")
        self.send(b"alphadiffract", *self._predictions.start())

    def expose(self, seq_num: int, kelvin: float) -> float:
        """One frame and its answer; returns the Unix time just before."""
        data = {
            "detector_intensity": DETECTOR.measure(kelvin, self.random),
            "detector_two_theta": DETECTOR.two_theta,
            "mono_energy": DETECTOR.energy,
            "furnace": kelvin,
        }
        event = {"uid": f"e{seq_num}", "descriptor": "rd", "seq_num": seq_num, "time": time.time()}
        now = time.time()
        times = dict.fromkeys(data, now)
        self.send(b"raw", "event", event | {"data": data, "timestamps": times})
        cell = CALCITE.cell_at(kelvin)
        niggli = np.array(niggli_cell(cell, "R")) * (0.96, 1.03, 1.05, 1, 1, 1)
        prediction = Prediction(
            Origin("sim", "", "raw", "rd", f"e{seq_num}", seq_num, now),
            Status.OK,
            crystal_system="trigonal",
            crystal_system_probability=0.91,
            crystal_system_probabilities=(0, 0, 0, 0, 0.91, 0.09, 0),
            space_groups=(SpaceGroupCandidate(167, "R -3 c", 0.8, 0.0),),
            lattice=tuple(niggli),
            lattice_std=(0.3,) * 6,
            conventional=tuple(np.array(cell) * (0.96, 0.96, 1.05, 1, 1, 1)),
            coverage=1.0,
        )
        assert self._predictions is not None
        for name, document in self._predictions.event(prediction, {"data": {"furnace": kelvin}}):
            self.send(b"alphadiffract", name, document)
        return now

    def close(self) -> None:
        self.socket.close(linger=0)
        self._context.term()


class Shown:
    """The command as a process, and the page's URL."""

    def __init__(self, *options: str, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | (env or {}),
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http"), self.process.communicate()[1]

    def stop(self) -> str:
        """End it as systemd would; returns what it said."""
        self.process.terminate()
        _, said = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, said
        return said


@pytest.fixture
def beamline() -> Iterator[Beamline]:
    beamline = Beamline()
    yield beamline
    beamline.close()


def test_the_page_during_a_scan(beamline: Beamline) -> None:
    with open_browser() as browser:
        shown = Shown("--source", f"bluesky-zmq://127.0.0.1:{beamline.port}?prefix=raw")
        try:
            beamline.await_readers({b"raw ", b"alphadiffract "})
            page = browser.new_page(viewport={"width": 1920, "height": 1080})
            faults: list[str] = []
            outside: list[str] = []
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on(
                "console",
                lambda said: faults.append(said.text) if said.type == "error" else None,
            )
            own = (shown.url, shown.url.replace("http", "ws", 1), "data:", "blob:")
            page.on("request", lambda r: None if r.url.startswith(own) else outside.append(r.url))
            page.goto(shown.url)
            page.wait_for_selector("text=WAITING", timeout=60_000)
            beamline.begin()
            for seq_num in range(1, 5):
                beamline.expose(seq_num, 800.0 + 10 * seq_num)
                page.wait_for_selector(f"#frame-number:text-is('{seq_num}')", timeout=30_000)
            assert page.locator(".live").inner_text() == "▶ LIVE"
            assert page.locator(".system").inner_text() == "trigonal"
            assert "calcite <b>" in page.locator(".run").inner_text()
            page.wait_for_selector("text=/\\d+ of \\d+ peaks/", timeout=60_000)
            # Ticks stand on the peaks: those the browser holds, against those of the structure.
            ticks = page.evaluate(
                "() => Bokeh.documents[0].get_model_by_name('pattern').renderers"
                ".map((r) => Array.from(r.data_source.data.x || []))"
            )
            fitted = np.array(ticks[0])
            true = CALCITE.cell_at(840.0)
            d = 1 / np.sqrt(4 / 3 / true[0] ** 2 + 16 / true[2] ** 2)  # 104, the strongest
            place = 2 * np.degrees(np.arcsin(12.398419843 / DETECTOR.energy / 2 / d))
            assert np.abs(fitted - place).min() < 0.01
            # Back by the keyboard, and to the latest again.
            page.locator("body").press("ArrowLeft")
            page.wait_for_selector("#frame-number:text-is('3')", timeout=30_000)
            page.locator("body").press("End")
            page.wait_for_selector("#frame-number:text-is('4')", timeout=30_000)
            assert faults == []
            assert outside == []
            if picture := os.environ.get("DASHBOARD_SCREENSHOT"):
                page.wait_for_timeout(2500)
                page.screenshot(path=picture)
            page.close()
        finally:
            said = shown.stop()
    assert "Traceback" not in said


def test_a_token_is_asked_for_and_never_said(beamline: Beamline, tmp_path: Path) -> None:
    token = "a-token-of-twenty-or-more"
    file = tmp_path / "token"
    file.write_text(token + "\n")
    source = f"bluesky-zmq://127.0.0.1:{beamline.port}?prefix=raw"
    shown = Shown("--source", source, "--token-file", str(file))
    try:
        with httpx.Client(base_url=shown.url, trust_env=False) as client:
            asked = client.get("/")
            assert asked.status_code == 302
            assert asked.headers["location"].startswith("/login")
            assert client.post("/login", data={"token": "wrong"}).status_code == 403
            bearer = {"Authorization": f"Bearer {token}"}
            assert client.get("/", headers=bearer).status_code == 200
            assert client.get("/", headers={"Authorization": "Bearer no"}).status_code == 302
            entered = client.post("/login", data={"token": token})
            assert entered.status_code == 302
            assert "HttpOnly" in entered.headers["set-cookie"]
            assert token not in entered.headers["set-cookie"]
            page = client.get("/")
            assert page.status_code == 200
            assert "cdn" not in page.text
            assert client.get("/ws").status_code in (302, 400, 403)
    finally:
        said = shown.stop()
    assert token not in said
    assert "wrong" not in said


def test_over_tls_nobody_else_reads_the_token(beamline: Beamline, tmp_path: Path) -> None:
    token = "a-token-of-twenty-or-more"
    (tmp_path / "token").write_text(token)
    certificate = self_signed(tmp_path)
    source = f"bluesky-zmq://127.0.0.1:{beamline.port}?prefix=raw"
    shown = Shown(
        *("--source", source, "--token-file", str(tmp_path / "token")),
        *("--certificate", str(certificate)),
    )
    try:
        assert shown.url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=certificate)
        with httpx.Client(base_url=shown.url, trust_env=False, verify=trusting) as client:
            entered = client.post("/login", data={"token": token})
            assert "Secure" in entered.headers["set-cookie"]
            assert client.get("/").status_code == 200
        with pytest.raises(httpx.ConnectError), httpx.Client(trust_env=False) as other:
            other.get(shown.url)
        with pytest.raises(httpx.TransportError), httpx.Client(trust_env=False) as plain:
            plain.get(shown.url.replace("https", "http"))
    finally:
        said = shown.stop()
    assert token not in said


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--address", "0.0.0.0", "--source", "bluesky-zmq://127.0.0.1:1"], "token"),
        (["--source", "watch:."], "--predictions"),
        (["--source", "bluesky-zmq://127.0.0.1:1", "--key", "x.pem"], "--certificate"),
        (["--source", "bluesky-zmq://127.0.0.1:1", "--certificate", "no.pem"], "no.pem"),
        (["--source", "bluesky-zmq://127.0.0.1:1", "--predictions", "jsonl:x"], "bluesky-zmq"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(options: list[str], word: str) -> None:
    done = CliRunner().invoke(app, ["dashboard", "--port", "0", *options])
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert word in done.stderr
    assert done.stdout == ""
