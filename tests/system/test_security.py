"""An attacker on the network, a real service, and a scientist whose scan goes on meanwhile.

Each attack is refused, said in the log, and the pattern after it is answered.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import shutil
import socket
import struct
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import h5py
import msgpack
import msgpack_numpy
import pytest
import zmq
from zmq.auth import load_certificate

from tests.external_runs import patterns, write_nxazint1d
from tests.raw_runs import array_key, diffraction, raw_run
from tests.serving import BOUND, SERVE, Served
from tests.support import make_tiny_model

pytestmark = pytest.mark.timeout(120)
DEEP = 50_000
DAMAGED = Path(__file__).parents[1] / "damaged"
MIB = 2**20


class Target(Served):
    """A service that reads frames, documents and the files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.publisher_context = zmq.Context()
        self._publisher = self.publisher_context.socket(zmq.XPUB)
        port = self._publisher.bind_to_random_port("tcp://127.0.0.1")
        self.data = folder / "data"
        self.data.mkdir()
        self.watched = folder / "watched"
        self.watched.mkdir()
        self.model = make_tiny_model(folder)
        super().__init__(
            folder,
            *("--source", BOUND, "--wavelength", "0.5", "--engine", f"onnx:{self.model}"),
            *("--source", f"bluesky-zmq://127.0.0.1:{port}?data={self.data}&data_wait=0.2"),
            *("--source", f"watch:{self.watched}?settle=0"),
            *("--sink", f"jsonl:{folder}/out.jsonl"),
        )
        self.frames = self.connect()["sources"][0]["address"]
        self._publisher.poll(20_000)
        assert self._publisher.recv() == b"\x01"
        self._seen = 0
        self._runs = 0

    def publish(self, name: str, document: object) -> None:
        packed = document if isinstance(document, bytes) else msgpack_numpy.packb(document)
        self._publisher.send(b" ".join([b"raw", name.encode(), packed]))

    def logged(self, words: str) -> None:
        """Wait for a new line with `words` in it."""
        self.wait(lambda: words in self.log.read_text()[self._seen :])

    def answers(self) -> None:
        """A good pattern by each way is answered."""
        self._runs += 1
        uid = f"good-{self._runs}"
        ramp = {"unit": "2th_deg", "axis": {"start": 2, "stop": 40}}
        self.pattern(1, run=uid, **ramp)
        documents = raw_run(1)
        for name, document in documents:
            self.publish(name, document)
        wanted = {uid, documents[0][1]["uid"]}
        self.wait(lambda: wanted <= {event["data"]["raw_run_uid"] for event in self.of("event")})
        self._seen = len(self.log.read_text())

    def good_hdf5(self) -> Path:
        """A NeXus file that is whole."""
        return write_nxazint1d(self.out.with_name("good.nxs"), patterns(1))

    def memory(self) -> int:
        """Most bytes it has ever had in memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024

    def close(self) -> None:
        super().close()
        self._publisher.close(linger=0)
        self.publisher_context.term()


@pytest.fixture(scope="module")
def target(tmp_path_factory) -> Iterator[Target]:
    served = Target(tmp_path_factory.mktemp("target"))
    try:
        served.answers()
        yield served
    finally:
        served.close()


class Evil:
    """Runs code when unpickled: touches a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_malicious_pickle(target, tmp_path):
    touched = tmp_path / "touched"
    trapdoor = {b"nd": True, b"type": "|O8", b"kind": b"O", b"shape": (1,)}
    trapdoor[b"data"] = pickle.dumps(Evil(touched))

    target.publish("start", pickle.dumps({"uid": Evil(touched)}))
    target.logged("a pickle can run any code")
    target.publish("event", msgpack.packb({"data": {"x": trapdoor}}))  # msgpack_numpy unpickles it
    target.logged("an array of type '|O8' is not read")
    target.send(pickle.dumps(Evil(touched)))
    target.logged("no JSON header")

    target.answers()
    assert not touched.exists()


def test_a_header_of_four_gigabytes(target):
    before = target.memory()
    host, port = target.frames.removeprefix("tcp://").rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as peer:
        peer.sendall(b"\xff" + b"\0" * 8 + b"\x7f\3\0" + b"NULL".ljust(20, b"\0") + b"\0" * 32)
        ready = b"\5READY\x0bSocket-Type\0\0\0\4PUSH"
        peer.sendall(b"\4" + bytes([len(ready)]) + ready)
        with contextlib.suppress(ConnectionError):
            peer.sendall(b"\3" + struct.pack(">Q", 4 * 2**30) + b"{" * MIB)  # of a long frame
            while peer.recv(4096):
                pass
    target.logged("connection lost")
    target.send(target.header("pattern", shape=[2**30], unit="2th_deg", axis="frame"), b"", b"")
    target.logged("shape")
    target.send(b'{"version":1,' + b" " * 5 * MIB + b"}")
    target.logged("a header of 5242")

    target.answers()
    assert target.memory() < before + 64 * MIB


def test_nesting_like_a_zip_bomb(target):
    before = target.memory()
    announced = b"\xdd\xff\xff\xff\xff"
    bombs = {
        b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}": "levels of nesting",
        b"\x81\xa1a" + b"\x91" * DEEP: "levels of nesting",
        b"\x81\xa1a\xdd" + struct.pack(">I", 8 * MIB) + b"\x90" * 8 * MIB: "values; at most",
        b"\x81\xa1a" + announced * 1000: "values announced",
    }
    for bomb, words in bombs.items():
        target.publish("start", bomb)
        target.logged(words)
    target.send(b'{"version":1,"kind":"start","metadata":' + b'{"a":' * DEEP)
    target.logged("levels of nesting")

    target.answers()
    assert target.memory() < before + 128 * MIB


def external_run(path: str, root: str) -> list[tuple[str, dict]]:
    """One event whose pattern lies in `path` under `root`."""
    keys = {"det_intensity": array_key(external="FILESTORE:")}
    documents = raw_run(1, data_keys=keys, data={"det_intensity": "file/0"})
    for _, document in documents[2:3]:
        document["filled"] = {"det_intensity": False}
    resource = {
        "uid": "file",
        "run_start": documents[0][1]["uid"],
        "spec": "AD_HDF5",
        "root": root,
        "resource_path": path,
        "resource_kwargs": {},
        "path_semantics": "posix",
    }
    datum = {"datum_id": "file/0", "resource": "file", "datum_kwargs": {"point_number": 0}}
    return [*documents[:2], ("resource", resource), ("datum", datum), *documents[2:]]


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "leads/out.h5", "out.h5"])
def test_a_path_out_of_the_folder(target, tmp_path, path):
    secret = tmp_path / "out.h5"
    with h5py.File(secret, "w") as file:
        file["entry/data/data"] = diffraction(0)[None]
    for link, to in (("leads", tmp_path), ("out.h5", secret)):
        (target.data / link).unlink(missing_ok=True)
        (target.data / link).symlink_to(to)
    documents = external_run(path, str(target.data) if not path.startswith("/etc") else "/")

    for name, document in documents:
        target.publish(name, document)

    target.logged("in none of the folders that may be read")
    uid = documents[0][1]["uid"]
    (event,) = (e for e in target.of("event") if e["data"]["raw_run_uid"] == uid)
    assert event["data"]["status"] == "refused"
    target.answers()


def test_a_path_in_the_folder_is_read(target):
    with h5py.File(target.data / "good.h5", "w") as file:
        file["entry/data/data"] = diffraction(0)[None]
    documents = external_run("good.h5", str(target.data))
    uid = documents[0][1]["uid"]

    for name, document in documents:
        target.publish(name, document)

    target.wait(lambda: uid in {e["data"]["raw_run_uid"] for e in target.of("event")})
    (event,) = (e for e in target.of("event") if e["data"]["raw_run_uid"] == uid)
    assert event["data"]["status"] != "refused", event["data"]["reason"]


def of_run(target: Target, uid: str) -> list[dict]:
    return [event for event in target.of("event") if event["data"]["raw_run_uid"] == uid]


@pytest.mark.parametrize("name", ["crashes.h5", "hangs.h5"])
def test_a_damaged_hdf5_file(target, name):
    """One byte in it was changed. libhdf5 2.0.0 crashes on the one and never leaves the other."""
    shutil.copy(DAMAGED / name, target.watched / f"{name}.partial")
    (target.watched / f"{name}.partial").rename(target.watched / name)

    target.wait(lambda: [e for e in target.of("event") if name in e["data"]["reason"]])

    (event,) = (e for e in target.of("event") if name in e["data"]["reason"])
    assert event["data"]["status"] == "refused"
    if h5py.version.hdf5_version == "2.0.0":
        words = {"crashes.h5": "libhdf5 crashed", "hangs.h5": "libhdf5 did not come back"}
        assert words[name] in event["data"]["reason"]
        assert words[name] in target.log.read_text()
    target.answers()

    run = event["data"]["raw_run_uid"]
    before = len(of_run(target, run))
    shutil.copy(target.good_hdf5(), target.watched / f"after-{name}.nxs")
    target.wait(lambda: len(of_run(target, run)) > before)
    assert of_run(target, run)[-1]["data"]["status"] != "refused"


def test_an_unknown_document(target):
    target.publish("exec", {"uid": "x"})
    target.logged("unknown document name")
    target.publish("__class__", {"uid": "x"})
    target.logged("unknown document name")
    target.publish("../start", {"uid": "x"})
    target.logged("no document name")

    target.answers()


def test_one_run_in_a_page_cannot_stop_the_others(target):
    page = {"descriptor": "nowhere", "uid": ["a"], "time": [0.0], "seq_num": [2**70], "data": {}}
    target.publish("event_page", json.dumps(page).encode())
    target.logged("event_page document")

    target.answers()


def test_a_model_poisoned_while_the_service_runs(target):
    """What was hashed is what runs: another file in its place is not looked at."""
    kept = target.model.read_bytes()
    target.model.write_bytes(b"poison")
    try:
        target.answers()
        assert target.process.poll() is None
    finally:
        target.model.write_bytes(kept)


@pytest.mark.parametrize("role", ["--engine", "--fallback"])
def test_a_poisoned_model_is_not_loaded(tmp_path, role):
    model = make_tiny_model(tmp_path)
    poisoned = tmp_path / "poisoned.onnx"
    shutil.copy(model.with_suffix(".json"), poisoned.with_suffix(".json"))
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    poisoned.write_bytes(content)
    good = [] if role == "--engine" else ["--engine", f"onnx:{model}"]

    done = subprocess.run(
        [*SERVE, "--source", BOUND, *good, role, f"onnx:{poisoned}"],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert done.returncode == 1
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error:"))
    assert "sha256" in line
    assert "Traceback" not in done.stderr


def test_no_secret_is_logged(tmp_path):
    token = tmp_path / "token"
    token.write_text("vErY-sEcReT-tOkEn\n")
    token.chmod(0o600)
    keys = tmp_path / "keys"
    subprocess.run([SERVE[0], "keys", "new", keys], check=True, capture_output=True)
    options = [
        *("--source", f"{BOUND}&key={keys}/service.key_secret&clients={keys}"),
        *("--sink", f"jsonl:{tmp_path}/out.jsonl", "--engine", f"onnx:{make_tiny_model(tmp_path)}"),
        *("--metrics-port", "0", "--log-level", "DEBUG"),
    ]
    environment = {"ALPHADIFFRACT_METRICS_TOKEN_FILE": str(token)}
    environment["TILED_API_KEY"] = "aPi-kEy-oF-tIlEd"
    served = Served(tmp_path, *options, env=environment)
    try:
        address = served.connect()["metrics"]
        for said in ("vErY-sEcReT-tOkEn", "wRoNg-tOkEn"):
            request = urllib.request.Request(f"{address}/status")
            request.add_header("Authorization", f"Bearer {said}")
            with (
                contextlib.suppress(urllib.error.HTTPError),
                urllib.request.urlopen(request) as page,
            ):
                assert said not in page.read().decode()
        assert served.stop() == 0
        text = served.log.read_text() + (tmp_path / "out.jsonl").read_text()
    finally:
        served.close()

    secrets = [load_certificate(file)[1].decode() for file in keys.glob("*.key_secret")]
    assert len(secrets) == 2
    for secret in [*secrets, "vErY-sEcReT-tOkEn", "wRoNg-tOkEn", "aPi-kEy-oF-tIlEd"]:
        assert secret not in text


@pytest.mark.parametrize(
    "url",
    [
        "frames://user:hunter2@127.0.0.1:1?nonsense=1",
        "tiled:http://127.0.0.1:1?api_key=hunter2",
        "bluesky-zmq://127.0.0.1:1?password=hunter2",
        "nowhere://user:hunter2@host",
    ],
)
def test_nor_told_when_a_url_is_wrong(url, tmp_path):
    done = subprocess.run(
        [*SERVE, "--source", url, "--engine", f"onnx:{make_tiny_model(tmp_path)}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert "***" in done.stderr  # it was told what is wrong with the URL, without that
    assert "hunter2" not in done.stderr + done.stdout
