"""Good inputs to begin with, by target: what is mutated should be nearly right."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import h5py
import msgpack
import numpy as np

from alphadiffract_stream.wire import Serializer, encode_message, encode_pair

AXIS = np.linspace(5.0, 20.0, 16)
INTENSITY = 100 * np.exp(-(((AXIS - 12) / 0.5) ** 2)) + 5
EVENT = {
    "uid": "e",
    "descriptor": "d",
    "time": 1.5,
    "seq_num": 1,
    "data": {"det": INTENSITY.astype("<f4"), "motor": 1.5, "name": "é"},
    "timestamps": {"det": 1.5},
}
HEADER = {
    "version": 1,
    "kind": "pattern",
    "run": "r",
    "seq_num": 1,
    "shape": [16],
    "unit": "2th_deg",
    "axis": {"start": 5, "step": 1.0},
    "energy_kev": 20.0,
    "metadata": {"motor": 1.0},
}
ROWS = [f"{x:.4f} {y:.3f} {y**0.5:.3f}" for x, y in zip(AXIS, INTENSITY, strict=True)]


def _wire() -> list[bytes]:
    kinds = (Serializer.MSGPACK, Serializer.JSON)
    return [encode_message("event", EVENT, kind, b"raw") for kind in kinds]


def _pair() -> list[bytes]:
    return [encode_pair("event", EVENT), b'["start", {"uid": "a", "time": 1.5, "n": [1, null]}]']


def _frames() -> list[bytes]:
    header = json.dumps(HEADER).encode()
    other = json.dumps({**HEADER, "axis": "frame", "sigma": "frame", "dtype": "float64"}).encode()
    start = b'{"version":1,"kind":"start","run":"r","unit":"q_A^-1","axis":[1,2],"sample":"x"}'
    return [
        len(header).to_bytes(2, "big") + header + INTENSITY.astype("<f4").tobytes(),
        len(other).to_bytes(2, "big") + other + INTENSITY.tobytes() * 3,
        len(start).to_bytes(2, "big") + start,
    ]


def _columns() -> list[bytes]:
    comma = "two_theta,intensity\n" + "\n".join(r.replace(" ", ",") for r in ROWS)
    return ["\n".join(["# wavelength 0.5 A", *ROWS]).encode(), comma.encode("utf-16")]


def _chi() -> list[bytes]:
    rows = [row.rpartition(" ")[0] for row in ROWS]
    return ["\n".join(["title", "2-Theta (deg)", "Intensity", "       16", *rows]).encode()]


def _gsas() -> list[bytes]:
    def lines(*texts: str) -> bytes:
        return "".join(f"{text:<80}\r\n" for text in texts).encode()

    fxye = [f"{100 * x:.2f} {y:.2f} 1.0" for x, y in zip(AXIS, INTENSITY, strict=True)]
    counts = "".join(f"{int(y):8d}" for y in INTENSITY)
    return [
        lines("title", "BANK 1 16 16 CONST 500.00 100.00 0 0 FXYE", *fxye),
        lines("title", "BANK 1 16 2 CONST 500.00 100.00 0 0 STD", counts[:80], counts[80:]),
        lines(
            "title", "BANK 1 10 2 CONST 500.00 100.00 0 0 ESD", "    10.0     1.0" * 5, "1 1 " * 5
        ),
    ]


def _npy() -> list[bytes]:
    def saved(array: np.ndarray) -> bytes:
        file = io.BytesIO()
        np.save(file, array)
        return file.getvalue()

    fields = np.zeros(4, dtype=[("two_theta", "<f8"), ("intensity", "<i4")])
    fields["two_theta"] = range(4)
    return [
        saved(np.column_stack([AXIS, INTENSITY])),
        saved(np.vstack([AXIS, *[INTENSITY] * 4]).astype("f4")),
        saved(fields),
    ]


def _nexus() -> list[bytes]:
    file = io.BytesIO()
    with h5py.File(file, "w") as root:
        entry = root.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        beam = entry.create_group("beam")
        beam.attrs["NX_class"] = "NXbeam"
        beam["incident_energy"] = 20.0
        beam["incident_energy"].attrs["units"] = "keV"
        data = entry.create_group("data")
        data.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": ["two_theta"]})
        data["I"], data["two_theta"] = INTENSITY, AXIS
        data["two_theta"].attrs["units"] = "deg"
    return [file.getvalue()]


def _hdf5() -> list[bytes]:
    file = io.BytesIO()
    with h5py.File(file, "w", libver="latest") as root:
        data = root.create_group("entry/data")
        data.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": [".", "q"]})
        data.create_dataset(
            "I", data=[INTENSITY] * 3, chunks=(1, 16), maxshape=(None, 16), compression="gzip"
        )
        data["q"] = AXIS / 10
        data["q"].attrs["units"] = "1/angstrom"
    return [*_nexus(), file.getvalue()]


def _hdf5_answer() -> list[bytes]:
    array = {"role": "axis", "dtype": "f8", "shape": [16]}
    rows = {"role": "rows", "dtype": "b1", "shape": [2, 3]}
    fault = {"field": "file", "value": "x", "remedy": "y"}
    pattern = {"kind": "pattern", "arrays": [array, {**array, "role": "intensity"}]}
    pattern |= {"unit": "2th_deg", "scale": 1.0, "wavelength": 0.5, "wavelength_source": "x"}
    pattern |= {"doubts": {"unit": fault}, "metadata": {"frame": 1, "title": "é"}}
    beside = {"kind": "beside", "arrays": [array], "unit": "q_A^-1", "wavelength": None}
    answers = [
        (pattern, AXIS.tobytes() + INTENSITY.tobytes()),
        ({"kind": "rows", "arrays": [rows]}, b"\1\0" * 3),
        ({**beside, "wavelength_source": ""}, AXIS.tobytes()),
        ({"kind": "refused", "fault": fault, "busy": True}, b""),
        ({"kind": "bad frame", "fault": fault}, b""),
        ({"kind": "not yet", "text": "x"}, b""),
        ({"kind": "end"}, b""),
    ]
    texts = [(json.dumps(answer).encode(), arrays) for answer, arrays in answers]
    return [len(text).to_bytes(4, "big") + text + arrays for text, arrays in texts]


def _rruff() -> list[bytes]:
    rows = [row.rpartition(" ")[0].replace(" ", ", ") for row in ROWS]
    head = ["##NAMES=Quartz", "##RRUFFID=R1", "##X-RAY WAVELENGTH=1.541838"]
    return ["\n".join([*head, *rows, "##END="]).encode()]


def _xrdml() -> list[bytes]:
    text = (
        '<?xml version="1.0"?><xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.5">'
        '<xrdMeasurement measurementType="Scan"><usedWavelength intended="K-Alpha 1">'
        '<kAlpha1 unit="Angstrom">1.5405980</kAlpha1><kAlpha2 unit="Angstrom">1.5444260</kAlpha2>'
        "<ratioKAlpha2KAlpha1>0.5</ratioKAlpha2KAlpha1></usedWavelength>"
        '<scan appendNumber="0" mode="Continuous" scanAxis="Gonio"><dataPoints>'
        '<positions axis="2Theta" unit="deg"><startPosition>5</startPosition>'
        "<endPosition>8</endPosition></positions><commonCountingTime>1</commonCountingTime>"
        '<intensities unit="counts">1 2 30 4</intensities></dataPoints></scan>'
        "</xrdMeasurement></xrdMeasurements>"
    )
    return [text.encode()]


def _settings() -> list[bytes]:
    return [
        b'sources = ["frames://127.0.0.1:0?bind=yes"]\nenergy_kev = 20.0\nmax_batch = 8\n',
        b'sinks = ["jsonl:out"]\nwavelength = 0.5\nbackground = "snip"\nlog_level = "INFO"\n',
    ]


def _urls() -> list[bytes]:
    return [
        b"bluesky-zmq://localhost:5578?prefix=raw&rcvhwm=10&data=/tmp&unit=deg",
        b"frames://*:5000?bind=yes&socket=sub&max_message=100",
        b"kafka://one:9092,two:9092/topic?group=x",
        b"triton://[::1]:8001/model?deadline=2&tls=no",
        b"file:/tmp/*.xy",
    ]


SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "wire": _wire,
    "pair": _pair,
    "frames": _frames,
    "documents": lambda: [b"", bytes(range(40)), b"\x03\x05" * 20],
    "columns": _columns,
    "chi": _chi,
    "gsas": _gsas,
    "npy": _npy,
    "nexus": _nexus,
    "hdf5": _hdf5,
    "hdf5_answer": _hdf5_answer,
    "rruff": _rruff,
    "xrdml": _xrdml,
    "settings": _settings,
    "urls": _urls,
    "card": lambda: [
        b'{"name":"x","version":"1","sha256":"0","training_set":"","members":1,"parameters":1,'
        b'"embedding_width":1,"golden":[0,0,0,0,0,0,1]}'
    ],
    "msgpack": lambda: [msgpack.packb({"a": [1, 2.5, "x", b"y", None, [[]]]})],
}
