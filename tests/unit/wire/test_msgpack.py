"""Others patch msgpack for the whole process; what we read is read by our own rules."""

from __future__ import annotations

import subprocess
import sys

import pytest

BOMB = """
import pickle, sys
class Bomb:
    def __reduce__(self):
        return (sys.exit, ("the pickle was run",))
import msgpack._cmsgpack as plain
array = {b"nd": True, b"type": "|O", b"kind": b"O", b"shape": (1,), b"data": pickle.dumps(Bomb())}
forged = {"uid": "a", "data": array}
"""
READ = """
from alphadiffract_stream.errors import DecodeError
from alphadiffract_stream.wire import decode_message, decode_pair
for read, message in (
    (decode_pair, plain.Packer().pack(["event", forged])),
    (decode_message, b" event " + plain.Packer().pack(forged)),
):
    try:
        read(message)
    except DecodeError as error:
        assert "is not read" in str(error), error
    else:
        sys.exit("it was read")
"""
PATCH = "import msgpack_numpy; msgpack_numpy.patch()\n"
KAFKA = "import bluesky_kafka\n"


@pytest.mark.parametrize("patch", [PATCH, KAFKA, ""])
@pytest.mark.parametrize("before", [True, False])
def test_no_pickle_inside_of_msgpack_is_ever_run(patch, before):
    ours = "import alphadiffract_stream.wire\n"
    code = BOMB + (patch + ours if before else ours + patch) + READ
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
