"""A RunEngine that scans a motor and takes a pattern at each point. Arguments: proxy's in address.

Publishes pickled probes, as bluesky does by default, until told on standard input that one was
heard; then the scan in msgpack. The third pattern is a point short.
"""

import itertools
import json
import pickle
import select
import sys

import bluesky.plans as bp
import msgpack_numpy
import numpy as np
from bluesky import RunEngine
from bluesky.callbacks.zmq import Publisher
from ophyd import Component as Cpt
from ophyd import Device, Signal
from ophyd.sim import motor

POINTS = 8000
TWO_THETA = np.linspace(2.0, 24.0, POINTS)
LINES = [(8.6, 40), (10.6, 100), (11.0, 60), (13.7, 35), (17.2, 20)]
PATTERN = sum(h * np.exp(-(((TWO_THETA - x) / 0.03) ** 2)) for x, h in LINES).astype(np.float32)


class Detector(Device):
    intensity = Cpt(Signal, value=np.zeros(POINTS, np.float32))
    two_theta = Cpt(Signal, value=TWO_THETA, kind="config")
    energy = Cpt(Signal, value=20.0, kind="config")
    counter = itertools.count(1)

    def trigger(self):
        number = next(self.counter)
        self.intensity.put(PATTERN[: POINTS - (number == 3)] * number)
        return super().trigger()


def serialize(document):
    return pickle.dumps(document) if "probe" in document else msgpack_numpy.packb(document)


publisher = Publisher(sys.argv[1], prefix=b"raw", serializer=serialize)
while not select.select([sys.stdin], [], [], 0.02)[0]:
    publisher("start", {"probe": True})

raw = []
engine = RunEngine({})
engine.subscribe(lambda name, document: raw.append((name, document)))
engine.subscribe(publisher)
detector = Detector(name="det")
engine(bp.scan([detector], motor, -1, 1, 5, md={"sample_name": "CaCO3", "purpose": "test"}))
publisher.close()

events = [document for name, document in raw if name == "event"]
print(
    json.dumps(
        {
            "uid": raw[0][1]["uid"],
            "scan_id": raw[0][1]["scan_id"],
            "events": [event["uid"] for event in events],
            "seq_nums": [event["seq_num"] for event in events],
        }
    ),
    flush=True,
)
