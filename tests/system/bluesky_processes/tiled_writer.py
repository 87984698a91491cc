"""TiledWriter into a catalogue on disk, then what a Tiled client reads back.

Arguments: out address, folder.
"""

import json
import logging
import sys

from bluesky_tiled_plugins import TiledWriter
from reading import read_run
from tiled.catalog import in_memory
from tiled.client import Context, from_context
from tiled.server.app import build_app

address, folder = sys.argv[1:]
logging.basicConfig(level=logging.WARNING)
catalog = in_memory(
    writable_storage=[f"file://localhost{folder}/arrays", f"duckdb:///{folder}/tables.db"]
)
with Context.from_app(build_app(catalog)) as context:
    client = from_context(context)
    writer = TiledWriter(client)
    uids = []

    def take(name, document):
        if name == "start":
            uids.append(document["uid"])
        writer(name, document)

    read_run(address, take)
    run = client[uids[0]]
    stream = run["alphadiffract"]
    table = stream.base["internal"].read()
    columns = ["seq_num", "crystal_system", "lattice_a", "status", "reason", "raw_motor"]
    answer = {
        "start": dict(run.metadata["start"]),
        "stop": dict(run.metadata["stop"]),
        "table": json.loads(table[columns].to_json(orient="columns")),
        "probabilities": stream["crystal_system_probabilities"].read().tolist(),
        "symbols": stream["space_group_symbols"].read().tolist(),
    }
print(json.dumps(answer), flush=True)
