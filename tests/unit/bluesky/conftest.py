from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from bluesky import RunEngine

from alphadiffract_stream.bluesky import Predictor
from tests.support import make_tiny_model


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a small network; its answers depend on the pattern."""
    card = {"low_confidence_below": 0.0}
    path = make_tiny_model(tmp_path_factory.mktemp("model"), card=card)
    return f"onnx:{path}"


@pytest.fixture
def predictor(engine: str) -> Iterator[Predictor]:
    with Predictor(engine, isolated=False) as predictor:
        yield predictor


@pytest.fixture
def run_engine() -> Iterator[Any]:
    engine = RunEngine({}, context_managers=[])
    yield engine
    engine.loop.call_soon_threadsafe(engine.loop.stop)
    while engine.loop.is_running():
        time.sleep(0.005)
    engine.loop.close()
