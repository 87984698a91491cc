"""The service with a real Triton server: the same answers, and none lost when the server dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from alphadiffract_stream.engines import Engine, open_engine
from alphadiffract_stream.errors import EngineError
from alphadiffract_stream.grid import to_grid
from alphadiffract_stream.pattern import Pattern, RadialUnit
from alphadiffract_stream.prediction import Outputs, interpret
from alphadiffract_stream.service import Settings
from tests.serving import BOUND, POINTS, TWO_THETA, Served, serving
from tools.local_triton import Installation, LocalTriton
from training.evaluation import load_labelled
from training.serving import OnnxOnCpu, write_repository

DEFAULT = Path(str(files("alphadiffract_stream") / "models" / "default.onnx"))
START = {"unit": "2th_deg", "axis": {"start": 2, "stop": 40}}
WAVELENGTH = 0.5
PATTERNS = 2000


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("triton_models")
    write_repository(folder, DEFAULT, [OnnxOnCpu()])
    return folder


@pytest.fixture(scope="module")
def server(triton_installation: Installation, repository: Path) -> Iterator[LocalTriton]:
    server = LocalTriton(triton_installation, repository, log=repository.parent / "triton.log")
    yield server
    server.kill()


@pytest.fixture
def triton(server: LocalTriton) -> LocalTriton:
    """The server, up and with a living model whatever the test before did to it."""
    if not (server.is_ready() and server.stubs()):
        server.kill()
        server.start()
    return server


@pytest.fixture(scope="module")
def embedded() -> Engine:
    return open_engine("onnx:?max_batch=64")


def url(triton: LocalTriton, **options: str) -> str:
    port = triton.http_port if options.get("protocol") == "http" else triton.grpc_port
    query = "&".join(f"{key}={value}" for key, value in options.items())
    return f"triton://127.0.0.1:{port}/alphadiffract_cpu?{query}"


def measured(n: int) -> list[np.ndarray]:
    """`n` different made-up scans: sharp lines on a background, with noise."""
    rng = np.random.default_rng(5)
    scans = []
    for _ in range(n):
        centres = rng.uniform(7, 28, 12)
        heights = rng.gamma(1.0, 300.0, 12)
        lines = heights * np.exp(-(((TWO_THETA[:, None] - centres) / 0.06) ** 2))
        scans.append(rng.poisson(lines.sum(axis=1) + 20).astype(np.float32))
    return scans


def assert_same(got: Outputs, expected: Outputs) -> None:
    for name in Outputs.names():
        np.testing.assert_allclose(
            getattr(got, name), getattr(expected, name), rtol=1e-4, atol=1e-5, err_msg=name
        )


WAYS = [
    {},
    {"protocol": "http"},
    {"shared_memory": "yes"},
    {"protocol": "http", "shared_memory": "yes"},
]


async def test_every_way_to_the_server_gives_the_embedded_numbers(triton, embedded):
    grids = np.stack([to_grid(pattern(scan)).intensity for scan in measured(40)])
    for options in WAYS:
        engine = open_engine(url(triton, version="1", **options))
        engine.warm_up()
        assert (engine.name, engine.card) == ("triton", embedded.card)
        for n in (1, 2, 40):
            assert_same(await engine.infer(grids[:n]), embedded.run(grids[:n]))
        await engine.close()
        with pytest.raises(EngineError, match="closed"):
            await engine.infer(grids[:1])


async def test_real_patterns_get_the_embedded_answers(triton, embedded, data_dir):
    labelled = load_labelled(data_dir / "experimental" / "rruff_processed.npz")
    grids = np.stack([to_grid(p).intensity for p in labelled.patterns[:128]])
    engine = open_engine(url(triton))
    for first in (0, 64):
        batch = grids[first : first + 64]
        assert_same(await engine.infer(batch), embedded.run(batch))
    await engine.close()


def pattern(intensity: np.ndarray) -> Pattern:
    return Pattern(intensity, TWO_THETA, RadialUnit.TWO_THETA_DEG, WAVELENGTH)


def test_a_version_or_model_that_is_not_served_is_named(triton):
    with pytest.raises(EngineError, match="not loaded there in version 7"):
        open_engine(url(triton, version="7", wait="0"))
    with pytest.raises(EngineError, match=r"nothing at 127\.0\.0\.1"):
        open_engine(f"triton://127.0.0.1:{triton.grpc_port}/nothing?wait=0")


def options(triton: LocalTriton, folder: Path, *more: str) -> list[str]:
    sink = f"jsonl:{folder}/out.jsonl"
    given = ["--source", BOUND, "--sink", sink, "--wavelength", str(WAVELENGTH)]
    return [*given, "--engine", url(triton), *more]


def send(served: Served, scans: list[np.ndarray], first: int = 1) -> None:
    for seq_num, scan in enumerate(scans, start=first):
        served.pattern(seq_num, scan)


def answered(served: Served, name: str = "event") -> int:
    return served.out.read_text().count(f'"name":"{name}"') if served.out.exists() else 0


def test_two_thousand_patterns_as_the_embedded_engine_answers_them(triton, embedded, tmp_path):
    scans = measured(PATTERNS)
    with serving(tmp_path, *options(triton, tmp_path)) as served:
        served.connect()
        served.send(served.header("start", **START))
        send(served, scans)
        served.send(served.header("stop", num_events=PATTERNS))
        served.wait(lambda: answered(served, "stop"))
        assert served.stop() == 0
        events = [event["data"] for event in served.of("event")]
    axis = np.linspace(2, 40, POINTS)
    patterns = [Pattern(s, axis, RadialUnit.TWO_THETA_DEG, WAVELENGTH) for s in scans]
    expected = []
    for first in range(0, PATTERNS, 50):
        batch = patterns[first : first + 50]
        grids = [to_grid(p) for p in batch]
        outputs = embedded.run(np.stack([grid.intensity for grid in grids]))
        expected += interpret(outputs, grids, batch, embedded.card, "onnx")
    assert [event["raw_seq_num"] for event in events] == list(range(1, PATTERNS + 1))
    assert {event["engine"] for event in events} == {"triton"}
    for event, prediction in zip(events, expected, strict=True):
        assert event["crystal_system"] == prediction.crystal_system
        assert event["status"] == prediction.status
        np.testing.assert_allclose(
            event["crystal_system_probabilities"],
            prediction.crystal_system_probabilities,
            atol=1e-5,
        )
        np.testing.assert_allclose(
            event["space_group_probabilities"],
            [group.probability for group in prediction.space_groups],
            atol=1e-5,
        )
        lattice = [event[f"lattice_{edge}"] for edge in ("a", "b", "c", "alpha", "beta", "gamma")]
        np.testing.assert_allclose(lattice, prediction.lattice, rtol=1e-4)


def test_a_server_that_dies_mid_stream_costs_no_pattern(triton, tmp_path):
    scans = measured(800)
    with serving(tmp_path, *options(triton, tmp_path)) as served:
        served.connect()
        served.send(served.header("start", **START))
        send(served, scans[:400])
        served.wait(lambda: answered(served) >= 100)
        triton.kill()
        send(served, scans[400:], first=401)
        served.send(served.header("stop", num_events=800))
        served.wait(lambda: "triton is out of order" in served.log.read_text())
        assert not served.of("stop")
        triton.start()
        served.wait(lambda: answered(served, "stop"))
        assert served.stop() == 0
        events, stop = served.of("event"), served.of("stop")[0]
        assert "in order again" in served.log.read_text()
    assert [event["seq_num"] for event in events] == list(range(1, 801)), "once, and in order"
    assert {event["data"]["engine"] for event in events} == {"triton"}
    assert {event["data"]["status"] for event in events} <= {
        "ok",
        "low_confidence",
        "out_of_domain",
    }
    assert (stop["received"], stop["predicted"], stop["missing"]) == (800, 800, 0)


def test_the_operators_fallback_answers_and_says_so(triton, tmp_path):
    scans = measured(90)
    more = options(triton, tmp_path, "--fallback", "onnx:default")
    with serving(tmp_path, *more) as served:
        assert served.connect()["fallback"] == "onnx:default"
        served.send(served.header("start", **START))
        send(served, scans[:30])
        served.wait(lambda: answered(served) == 30)
        triton.kill()
        served.wait(lambda: "triton is out of order" in served.log.read_text())
        send(served, scans[30:60], first=31)
        served.wait(lambda: answered(served) == 60)
        triton.start()
        served.wait(lambda: "in order again" in served.log.read_text())
        send(served, scans[60:], first=61)
        served.wait(lambda: answered(served) == 90)
        assert served.stop() == 0
        events = [event["data"] for event in served.of("event")]
    assert [e["engine"] for e in events] == ["triton"] * 30 + ["onnx"] * 30 + ["triton"] * 30
    assert ["fallback" in e["flags"].split(",") for e in events] == [
        e["engine"] == "onnx" for e in events
    ]


def test_a_dead_model_is_found_although_the_server_says_ready(triton, tmp_path):
    settings = Settings()
    assert settings.health_interval + settings.health_timeout <= 3, "seconds to find it, at most"
    with serving(tmp_path, *options(triton, tmp_path)) as served:
        served.connect()
        stubs = triton.stubs()
        assert len(stubs) == 1
        os.kill(stubs[0], signal.SIGKILL)
        served.wait(lambda: "triton is out of order" in served.log.read_text(), patience=10)
        assert triton.is_ready(), "the server's own word is worth nothing"
        served.send(served.header("start", **START))
        send(served, measured(5))
        served.wait(lambda: served.of("start"))
        triton.kill()
        triton.start()
        served.wait(lambda: answered(served) == 5)
        assert served.stop() == 0
        assert [event["data"]["engine"] for event in served.of("event")] == ["triton"] * 5
