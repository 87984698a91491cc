"""The whole wire with real processes and bluesky's own tools at both ends.

A RunEngine publishes through bluesky's proxy; our service stands in the middle; a process
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

from alphadiffract_stream.engines import open_engine
from alphadiffract_stream.service import Service, Settings
from alphadiffract_stream.sinks import Sink, open_sink
from alphadiffract_stream.sources import open_source

ANSWERS = {"ok", "low_confidence", "out_of_domain", "refused"}
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


async def serve_one_run(service: Service, experiment: Child) -> None:
    """The service, embedded network and all, until it has closed one run.

    The experiment publishes pickled probes until one is known to have been refused.
    """
    serving = asyncio.create_task(service.run())
    while not service.metrics.dropped:  # noqa: ASYNC110 - counters announce nothing
        await asyncio.sleep(0.01)
    experiment.tell("heard you")
    while not service.metrics.runs_stopped:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    service.stop()
    await serving


async def test_a_run_goes_through_and_bluesky_reads_it(tmp_path, caplog):
    async with contextlib.AsyncExitStack() as stack:

        async def child(name: str, *arguments: str) -> Child:
            return await stack.enter_async_context(Child.run(name, *arguments))

        ports = await (await child("proxy.py")).answer()
        publish = ports["in"].removeprefix("tcp://")
        listen = ports["out"].removeprefix("tcp://")
        experiment = await child("experiment.py", publish)
        table = await child("live_table.py", listen)
        tiled = await child("tiled_writer.py", listen, str(tmp_path))
        engine = open_engine("onnx:")
        stack.push_async_callback(engine.close)
        source = open_source(f"bluesky-zmq://{listen}?prefix=raw")
        sink = open_sink(f"bluesky-zmq://{publish}")
        service = Service([source], [sink], engine, Settings())

        await probe_until_heard(sink, table, tiled)
        async with asyncio.timeout(45):
            await serve_one_run(service, experiment)
        raw, shown, stored = await asyncio.gather(
            experiment.answer(), table.answer(), tiled.answer()
        )

    reasons = [record.getMessage() for record in caplog.records if "dropped" in record.getMessage()]
    assert reasons
    assert all("allow_pickle=yes" in reason for reason in reasons)
    check_documents(raw, shown["received"])
    events = [document["data"] for name, document in shown["received"] if name == "event"]
    check_table(shown["rows"], events)
    check_stored(raw, stored, events)


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
    assert [status == "refused" for status in statuses] == [False, False, True, False, False]
    assert set(statuses) <= ANSWERS
    # The same pattern at another scale has the same answer.
    assert {event["data"]["crystal_system"] for event in events if event["seq_num"] != 3} == {
        events[0]["data"]["crystal_system"]
    }
    assert "7999" in events[2]["data"]["reason"] or "8000" in events[2]["data"]["reason"]
    assert [event["data"]["raw_motor"] for event in events] == [-1, -0.5, 0, 0.5, 1]
    assert (stop["received"], stop["predicted"], stop["refused"]) == (5, 4, 1)
    assert stop["num_events"] == {"alphadiffract": 5}


def check_table(rows: list[str], events: list[dict]) -> None:
    assert not any("failed to format" in row for row in rows)
    lines = [row for row in rows if row.startswith("|") and "seq_num" not in row]
    assert len(lines) == 5, rows
    for number, (line, data) in enumerate(zip(lines, events, strict=True), start=1):
        cells = [cell.strip() for cell in line.split("|")]
        assert cells[1] == str(number)
        assert cells[3] == data["crystal_system"]
        assert cells[5] == str(data["space_group_number"])
        assert data["status"].startswith(cells[7])  # LiveTable cuts to the width of its column
        assert cells[7]
    assert any("analysis alphadiffract" in row for row in rows)


def check_stored(raw: dict, stored: dict, events: list[dict]) -> None:
    assert stored["start"]["parents"] == [raw["uid"]]
    assert stored["stop"]["predicted"] == 4
    table = {name: list(column.values()) for name, column in stored["table"].items()}
    assert table["seq_num"] == [1, 2, 3, 4, 5]
    assert table["crystal_system"] == [data["crystal_system"] for data in events]
    assert table["lattice_a"][2] is None
    assert all(3 < a < 40 for i, a in enumerate(table["lattice_a"]) if i != 2)
    assert table["status"] == [data["status"] for data in events]
    assert table["raw_motor"] == [-1, -0.5, 0, 0.5, 1]
    assert sum(stored["probabilities"][0]) == pytest.approx(1, abs=1e-4)
    assert stored["symbols"][0] == events[0]["space_group_symbols"]
    assert stored["symbols"][2] == [""] * 5
