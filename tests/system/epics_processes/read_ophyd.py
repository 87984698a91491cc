"""Print what the ophyd device reads, as JSON. Argument: prefix."""

import json
import sys

from alphadiffract_stream.epics import AlphaDiffractEpics

device = AlphaDiffractEpics(sys.argv[1], name="ad")
device.wait_for_connection(timeout=20)
read = {name: reading["value"] for name, reading in device.read().items()}
keys = json.dumps(device.describe(), default=list)
print(
    json.dumps(
        {
            "read": read,
            "describe": json.loads(keys),
            "hints": device.hints["fields"],
            "severity": int(device.lattice_a.alarm_severity),
        },
        default=lambda array: array.tolist(),
    )
)
