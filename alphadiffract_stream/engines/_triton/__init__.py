"""A Triton server somewhere: ``triton://HOST[:PORT]/MODEL``; options in `TritonOptions`.

triton://gpu.beamline.org:8001/alphadiffract?version=3&tls=yes&ca=/etc/ssl/beamline.pem
"""

from __future__ import annotations

from ...urls import Url
from ._connect import connect
from ._engine import TritonEngine
from ._loop import background_loop
from ._options import TritonOptions

__all__ = ["TritonEngine", "TritonOptions", "open"]


def open(url: Url) -> TritonEngine:
    """Engine for a model of a Triton server, once that server says the model is loaded.

    Raises ConfigurationError for options it does not know, EngineError where the server is not
    reached in `wait` s, has no such model, or serves one of another signature.
    """
    address, model, options = TritonOptions.of(url)
    loop = background_loop()
    return loop.call(connect(address, model, options, loop))
