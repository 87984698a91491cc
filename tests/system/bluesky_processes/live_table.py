"""LiveTable of the prediction run; validates every document. Argument: out address."""

import json
import sys

from bluesky.callbacks import LiveTable
from event_model import DocumentNames, schema_validators
from reading import read_run

FIELDS = [
    "crystal_system",
    "crystal_system_probability",
    "space_group_number",
    "lattice_a",
    "status",
]
rows = []
received = []
table = LiveTable([*FIELDS, "raw_motor"], stream_name="alphadiffract", out=rows.append)


def take(name, document):
    schema_validators[DocumentNames[name]].validate(document)
    received.append((name, document))
    table(name, document)


read_run(sys.argv[1], take)
print(json.dumps({"rows": rows, "received": received}), flush=True)
