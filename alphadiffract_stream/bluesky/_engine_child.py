"""The other end of `EngineProcess`: one engine, patterns in, outputs out, until the pipe closes.

python -m alphadiffract_stream.bluesky._engine_child URL FILE_DESCRIPTOR
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import astuple
from multiprocessing.connection import Connection
from typing import Any

import msgpack
import numpy as np

from alphadiffract_stream.engines import Engine, open_engine
from alphadiffract_stream.errors import AlphaDiffractError, ConfigurationError
from alphadiffract_stream.grid import N_POINTS


def main(url: str, descriptor: int) -> int:
    """Serve until the other end closes. 1 where the engine cannot be opened."""
    # Ctrl-C in the RunEngine's terminal pauses a plan; it is none of this process' business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Connection(descriptor) as pipe:
        try:
            engine = open_engine(url)
        except AlphaDiffractError as error:
            kind = "configuration" if isinstance(error, ConfigurationError) else "engine"
            pipe.send_bytes(_packed({"error": str(error), "kind": kind}))
            return 1
        said = {"card": engine.card.model_dump_json(), "name": engine.name}
        pipe.send_bytes(_packed({**said, "max_batch": engine.max_batch}))
        try:
            while request := pipe.recv_bytes():
                pipe.send_bytes(_answer(engine, request))
        except (EOFError, ConnectionError):
            pass  # whoever asked is gone
    return 0


def _answer(engine: Engine, request: bytes) -> bytes:
    patterns = np.frombuffer(request, dtype=np.float32).reshape(-1, N_POINTS)
    try:
        outputs = engine.run(patterns)
    except AlphaDiffractError as error:
        return _packed({"error": str(error)})
    return _packed(
        [np.ascontiguousarray(value, np.float32).tobytes() for value in astuple(outputs)]
    )


def _packed(value: Any) -> bytes:
    packed = msgpack.packb(value)
    assert packed is not None
    return packed


if __name__ == "__main__":
    # Whatever a library prints must not hold up or confuse anybody.
    os.dup2(2, 1)
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
