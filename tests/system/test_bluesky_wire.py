"""The whole wire with real processes and bluesky's own tools at both ends.

A RunEngine publishes through bluesky's proxy; our source and sink stand in the middle; a process
with RemoteDispatcher and LiveTable and one with RemoteDispatcher and TiledWriter read our run.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from event_model import DocumentNames, schema_validators

from alphadiffract_stream.documents import Account, PredictionRun
from alphadiffract_stream.sinks import Sink, open_sink
from alphadiffract_stream.sources import (
    Dropped,
    PatternReceived,
    PatternRefused,
    RunStarted,
    RunStopped,
    Source,
    open_source,
)
from tests.predictions import CARD, predicted, refused

SCRIPTS = Path(__file__).parent / "bluesky_processes"
pytestmark = pytest.mark.timeout(90)


class Child:
    """A script in a process of its own, spoken with in lines."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self._process = process
        self._name = name

    @classmethod
    @contextlib.asynccontextmanager
    async def run(cls, name: str, *arguments: str) -> AsyncIterator[Child]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPTS / name), *arguments, stdin=pipe, stdout=pipe, limit=2**24
        )
        try:
            yield cls(process, name)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()

    async def line(self) -> str:
        assert self._process.stdout
        line = await self._process.stdout.readline()
        assert line, f"{self._name} ended before it said what it should; see its stderr"
        return line.decode().rstrip("\n")

    async def answer(self) -> Any:
        return json.loads(await self.line())

    def tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n".encode())


async def probe_until_heard(sink: Sink, *readers: Child) -> None:
    """0MQ does not say when a reader behind a proxy has subscribed, so ask until it answers."""
    hearing = asyncio.gather(*(reader.line() for reader in readers))
    while not hearing.done():
        await sink.emit("start", {"uid": "probe", "time": 0.0})
        await asyncio.wait({hearing}, timeout=0.02)
    assert set(hearing.result()) == {"hearing"}


async def analyse(source: Source, sink: Sink, experiment: Child) -> list[str]:
    """What the service does, with made-up answers; returns why documents were dropped."""
    run: PredictionRun | None = None
    dropped: list[str] = []
    counts = {"received": 0, "predicted": 0, "refused": 0}

    async def emit(documents) -> None:
        for name, document in documents:
            schema_validators[DocumentNames[name]].validate(document)
            await sink.emit(name, document)

    async for message in source:
        match message:
            case Dropped():
                if not dropped:
                    experiment.tell("heard you")
                dropped.append(message.reason)
            case RunStarted():
                run = PredictionRun(
                    message.start,
                    CARD,
                    "onnx",
                    raw_data_keys=message.data_keys,
                    energy=12.398419843 / message.wavelength,
                    energy_source=message.wavelength_source,
                )
                await emit([run.start()])
            case PatternReceived():
                answer = predicted(message.pattern.origin)
                counts["received"] += 1
                counts["predicted"] += 1
                await emit(run.event(answer, message.pattern.metadata))
            case PatternRefused():
                answer = refused(message.origin, str(message.error))
                counts["received"] += 1
                counts["refused"] += 1
                await emit(run.event(answer, message.metadata))
            case RunStopped():
                assert message.num_events == counts["received"]
                await emit(run.stop(Account(**counts), message.exit_status, message.reason))
                return dropped
    raise AssertionError("the source ended")


async def test_a_run_goes_through_and_bluesky_reads_it(tmp_path):
    async with contextlib.AsyncExitStack() as stack:

        async def child(name: str, *arguments: str) -> Child:
            return await stack.enter_async_context(Child.run(name, *arguments))

        ports = await (await child("proxy.py")).answer()
        publish = ports["in"].removeprefix("tcp://")
        listen = ports["out"].removeprefix("tcp://")
        experiment = await child("experiment.py", publish)
        table = await child("live_table.py", listen)
        tiled = await child("tiled_writer.py", listen, str(tmp_path))
        source = open_source(f"bluesky-zmq://{listen}?prefix=raw")
        stack.push_async_callback(source.close)
        sink = open_sink(f"bluesky-zmq://{publish}")
        stack.push_async_callback(sink.close)

        await probe_until_heard(sink, table, tiled)
        async with asyncio.timeout(45):
            dropped = await analyse(source, sink, experiment)
        raw, shown, stored = await asyncio.gather(
            experiment.answer(), table.answer(), tiled.answer()
        )

    assert all("allow_pickle=yes" in reason for reason in dropped)
    check_documents(raw, shown["received"])
    check_table(shown["rows"])
    check_stored(raw, stored)


def check_documents(raw: dict, received: list) -> None:
    names = [name for name, _ in received]
    assert names == ["start", "descriptor", *["event"] * 5, "stop"]
    (_, start), (_, descriptor), *events, (_, stop) = received
    events = [document for _, document in events]
    assert start["parents"] == [raw["uid"]]
    assert start["scan_id"] == raw["scan_id"]
    assert start["sample_name"] == "CaCO3"
    assert start["energy_kev"] == pytest.approx(20)
    assert descriptor["data_keys"]["raw_motor"]["source"] == "SIM:motor"
    assert [event["seq_num"] for event in events] == raw["seq_nums"] == [1, 2, 3, 4, 5]
    assert [event["data"]["raw_event_uid"] for event in events] == raw["events"]
    assert {event["data"]["raw_run_uid"] for event in events} == {raw["uid"]}
    statuses = [event["data"]["status"] for event in events]
    assert statuses == ["ok", "ok", "refused", "ok", "ok"]
    assert "7999" in events[2]["data"]["reason"] or "8000" in events[2]["data"]["reason"]
    assert [event["data"]["raw_motor"] for event in events] == [-1, -0.5, 0, 0.5, 1]
    assert (stop["received"], stop["predicted"], stop["refused"]) == (5, 4, 1)
    assert stop["num_events"] == {"alphadiffract": 5}


def check_table(rows: list[str]) -> None:
    lines = [row for row in rows if "orthorhombic" in row or "refused" in row]
    assert len(lines) == 5
    assert not any("failed to format" in row for row in rows)
    cells = [cell.strip() for cell in lines[1].split("|")]
    assert cells[1] == "2"
    assert cells[3:-1] == ["orthorhombic", "0.930", "62", "4.9610", "ok", "-0.500"]
    assert any("analysis alphadiffract" in row for row in rows)


def check_stored(raw: dict, stored: dict) -> None:
    assert stored["start"]["parents"] == [raw["uid"]]
    assert stored["stop"]["predicted"] == 4
    table = {name: list(column.values()) for name, column in stored["table"].items()}
    assert table["seq_num"] == [1, 2, 3, 4, 5]
    assert table["lattice_a"] == [4.961, 4.961, None, 4.961, 4.961]
    assert table["status"][2] == "refused"
    assert table["raw_motor"] == [-1, -0.5, 0, 0.5, 1]
    assert stored["probabilities"][0][2] == 0.93
    assert stored["symbols"][0][0] == "P n m a"
    assert stored["symbols"][2] == [""] * 5
