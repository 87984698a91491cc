"""A Tiled server as a process of its own: runs out of it, predictions into it, joined again."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from alphadiffract_stream.engines import open_engine
from alphadiffract_stream.service import Service, Settings
from alphadiffract_stream.sources import open_source
from alphadiffract_stream.sources._assembler import Assembler, PatternKeys
from tests.ports import free_port
from tests.raw_runs import Named, raw_run
from tests.streams import MemorySink, MemorySource, until

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from bluesky_tiled_plugins import TiledWriter
    from tiled.client import from_uri

KEY = "secret"
TILED = Path(sys.executable).with_name("tiled")
pytestmark = [pytest.mark.timeout(240), pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def server(tmp_path, monkeypatch) -> Iterator[str]:
    address = f"http://127.0.0.1:{free_port()}"
    command = [TILED, "serve", "catalog", "--temp", "--api-key", KEY]
    command += ["--host", "127.0.0.1", "--port", address.rpartition(":")[2]]
    monkeypatch.setenv("TILED_API_KEY", KEY)
    with (tmp_path / "tiled.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | {"HOME": str(tmp_path)}
        )
        try:
            until = time.monotonic() + 120
            while not _answers(address):
                assert process.poll() is None, (tmp_path / "tiled.log").read_text()
                assert time.monotonic() < until, (tmp_path / "tiled.log").read_text()
                time.sleep(0.1)
            yield address
        finally:
            process.terminate()
            process.wait(20)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz").is_success
    except httpx.HTTPError:
        return False


def write(client, documents: list[Named]) -> None:
    writer = TiledWriter(client)
    for name, document in documents:
        writer(name, document)


async def test_a_stored_run_is_predicted_stored_and_joined_by_seq_num(server):
    client = await asyncio.to_thread(from_uri, server)
    raw = raw_run(6)
    uid = raw[0][1]["uid"]
    await asyncio.to_thread(write, client, raw)

    sink, engine = MemorySink(), open_engine("onnx:")
    source = open_source(f"tiled:{server}?run={uid}")
    await Service([source], [sink], engine, Settings()).run()
    await engine.close()
    assert [document["num_events"] for document in sink.of("stop")] == [{"alphadiffract": 6}]
    await asyncio.to_thread(write, client, sink.documents)

    def join():
        answer = client[sink.of("start")[0]["uid"]]
        assert answer.metadata["start"]["parents"] == [uid]
        answers = answer["alphadiffract"].base["internal"].read()
        measured = client[uid]["primary"].base["internal"].read()
        return measured.merge(answers, on="seq_num", suffixes=("_raw", ""))

    table = await asyncio.to_thread(join)
    client.context.close()
    assert list(table["seq_num"]) == [1, 2, 3, 4, 5, 6]
    assert list(table["temperature"]) == list(table["raw_temperature"])
    assert list(table["temperature"]) == [300 + n for n in range(6)]
    assert list(table["crystal_system"]) == [e["data"]["crystal_system"] for e in sink.of("event")]
    assert set(table["raw_run_uid"]) == {uid}
    assert table["lattice_a"].between(2, 60).all()


async def test_what_is_missing_of_a_live_run_is_fetched_from_tiled(server):
    """The server gets the run only after the service has asked for it."""
    client = await asyncio.to_thread(from_uri, server)
    raw = raw_run(6)
    uid = raw[0][1]["uid"]
    assembler = Assembler(PatternKeys(), "bluesky-zmq", "live", None, patience=0.0)
    live = [
        message
        for name, document in raw
        if name != "event" or document["seq_num"] not in (2, 6)
        for message in assembler.feed(name, document)
    ]
    live += assembler.finish()

    sink, engine = MemorySink(), open_engine("onnx:")
    settings = Settings.load(backfill=f"tiled:{server}", backfill_timeout=60, reorder_wait=0.1)
    service = Service([MemorySource(live, endless=True)], [sink], engine, settings)
    running = asyncio.create_task(service.run())
    await until(lambda: len(sink.seq_nums) == 4, 60)
    await asyncio.to_thread(write, client, raw)
    await until(lambda: sink.of("stop"), 90)
    service.stop()
    await running
    await engine.close()
    client.context.close()
    (stop,) = sink.of("stop")
    assert (stop["received"], stop["predicted"], stop["missing"]) == (6, 6, 0)
    flags = {event["seq_num"]: event["data"]["flags"] for event in sink.of("event")}
    assert sorted(sink.seq_nums) == [1, 2, 3, 4, 5, 6]
    assert {number for number, said in flags.items() if "backfilled" in said} == {2, 6}
    assert {event["data"]["raw_run_uid"] for event in sink.of("event")} == {uid}
    descriptors = {event["data"]["raw_descriptor_uid"] for event in sink.of("event")}
    assert descriptors == {raw[1][1]["uid"]}
