"""A service with keys: who has none, or others, gets nothing out of it and nothing into it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import zmq
from zmq.auth import load_certificate

from alphadiffract_stream.sinks import open_sink
from alphadiffract_stream.sources import Dropped, open_source
from alphadiffract_stream.wire import decode_message
from tests.ports import free_port
from tests.serving import POINTS, TWO_THETA, serving
from tests.support import make_tiny_model

COMMAND = str(Path(sys.executable).with_name("alphadiffract-stream"))
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Path:
    """Pairs of three; only the client's public key is in ``admitted``."""
    folder = tmp_path_factory.mktemp("keys")
    subprocess.run([COMMAND, "keys", "new", folder, "service", "client", "outsider"], check=True)
    (folder / "admitted").mkdir()
    (folder / "admitted" / "client.key").write_bytes((folder / "client.key").read_bytes())
    return folder


@contextmanager
def connected(kind: int, address: str, keys: Path | None, who: str = "") -> Iterator[zmq.Socket]:
    """A socket with the keys of `who`; without any where there is no `who`."""
    context = zmq.Context()
    socket = context.socket(kind)
    if keys and who:
        socket.curve_publickey, socket.curve_secretkey = load_certificate(
            keys / f"{who}.key_secret"
        )
        socket.curve_serverkey, _ = load_certificate(keys / "service.key")
    if kind == zmq.SUB:
        socket.subscribe(b"")
    socket.connect(address)
    try:
        yield socket
    finally:
        socket.close(linger=0)
        context.term()


def send_pattern(socket: zmq.Socket, run: str) -> None:
    header = {"version": 1, "kind": "pattern", "run": run, "shape": [POINTS], "unit": "2th_deg"}
    header["axis"] = {"start": 2, "stop": 40}
    values = np.exp(-(((TWO_THETA - 10) / 0.05) ** 2)).astype("<f4")
    stop = {"version": 1, "kind": "stop", "run": run}
    socket.send_multipart([json.dumps(header).encode(), values.tobytes()])
    socket.send_multipart([json.dumps(stop).encode()])


def test_an_outsider_gets_nothing_and_can_inject_nothing(tmp_path, keys):
    mine = f"key={keys}/service.key_secret&clients={keys}/admitted"
    options = [
        *("--source", f"frames://127.0.0.1:0?bind=yes&{mine}"),
        *("--sink", f"bluesky-zmq://127.0.0.1:{free_port()}?bind=yes&patience=20&{mine}"),
        *("--sink", f"jsonl:{tmp_path}/out.jsonl", "--wavelength", "0.5"),
        *("--engine", f"onnx:{make_tiny_model(tmp_path)}"),
    ]
    with serving(tmp_path, *options) as served:
        ready = served.connect()  # its own socket has no keys either
        into, out_of = ready["sources"][0]["address"], ready["sinks"][0]["address"]
        with (
            connected(zmq.PUSH, into, None) as naked,
            connected(zmq.PUSH, into, keys, "outsider") as stranger,
            connected(zmq.PUSH, into, keys, "client") as client,
            connected(zmq.SUB, out_of, None) as naked_ear,
            connected(zmq.SUB, out_of, keys, "outsider") as strange_ear,
            connected(zmq.SUB, out_of, keys, "client") as reader,
        ):
            for number, outsider in enumerate((naked, stranger)):
                outsider.sndtimeo = 500  # 0MQ holds back what no peer takes
                with contextlib.suppress(zmq.Again):
                    send_pattern(outsider, f"injected-{number}")
            refused = "refused a client with public key"
            served.wait(lambda: served.log.read_text().count(refused) >= 2)
            served.wait(lambda: "handshake failed" in served.log.read_text())
            send_pattern(client, "raw")
            served.wait(lambda: served.of("stop"))
            names = []
            while "stop" not in names:
                assert reader.poll(20_000)
                names.append(decode_message(reader.recv())[1])
            heard = [ear.poll(200) for ear in (naked_ear, strange_ear)]
        assert served.stop() == 0, served.log.read_text()
        log = served.log.read_text()
        runs = {event["data"]["raw_run_uid"] for event in served.of("event")}

    assert runs == {"raw"}
    assert len(served.of("start")) == 1
    assert names == ["start", "descriptor", "event", "stop"]
    assert heard == [0, 0]
    for secret in keys.glob("*.key_secret"):
        assert load_certificate(secret)[1].decode() not in log


PROXIES = """
import sys, threading
from pathlib import Path
from bluesky.callbacks.zmq import ClientCurve, Proxy, ServerCurve
keys = Path(sys.argv[1])
curve = ServerCurve(keys / "service.key_secret", keys / "admitted", None)
inner = Proxy(("127.0.0.1", int(sys.argv[2])), ("127.0.0.1", int(sys.argv[4])), in_curve=curve)
outer = Proxy(
    ("127.0.0.1", int(sys.argv[4])), ("127.0.0.1", int(sys.argv[3])), out_curve=curve, in_bind=False
)
threading.Thread(target=inner.start, daemon=True).start()
outer.start()
"""


@pytest.fixture
def ports(keys) -> Iterator[list[str]]:
    """In, out and the one between of two proxies."""
    ports = [str(free_port()) for _ in range(3)]
    proxies = subprocess.Popen([sys.executable, "-c", PROXIES, str(keys), *ports])
    yield ports
    proxies.kill()
    proxies.wait()


async def test_two_proxies_of_bluesky_in_a_row(keys, ports):
    """One proxy of bluesky's crashes with keys on both sides."""
    mine = f"key={keys}/client.key_secret&server={keys}/service.key"
    source = open_source(f"bluesky-zmq://127.0.0.1:{ports[1]}?{mine}")
    sink = open_sink(f"bluesky-zmq://127.0.0.1:{ports[0]}?{mine}&patience=20")
    try:
        with connected(zmq.PUB, f"tcp://127.0.0.1:{ports[0]}", keys, "outsider") as outsider:
            heard = aiter(source)
            first = asyncio.ensure_future(anext(heard))
            async with asyncio.timeout(60):
                while not first.done():
                    outsider.send(b'raw injected {"uid": "x"}')
                    await sink.emit("told", {"uid": "x"})  # no document: dropped with its name
                    await asyncio.sleep(0.05)
            message = await first
    finally:
        await source.close()
        await sink.close()

    assert isinstance(message, Dropped)
    assert message.reason == "told document: unknown document name"


def test_a_service_does_not_listen_to_somebody_else_in_the_place_of_its_server(keys):
    context = zmq.Context()
    impostor = context.socket(zmq.XPUB)
    impostor.curve_publickey, impostor.curve_secretkey = load_certificate(
        keys / "outsider.key_secret"
    )
    impostor.curve_server = True
    port = impostor.bind_to_random_port("tcp://127.0.0.1")

    async def hears() -> bool:
        mine = f"key={keys}/client.key_secret&server={keys}/service.key"
        source = open_source(f"bluesky-zmq://127.0.0.1:{port}?{mine}")
        try:
            return bool(impostor.poll(1000))
        finally:
            await source.close()

    try:
        assert not asyncio.run(hears())
    finally:
        impostor.close(linger=0)
        context.term()
