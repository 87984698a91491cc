"""msgpack itself, whatever others have made of it.

``msgpack_numpy.patch()``, which importing ``bluesky_kafka`` calls, replaces the functions of the
package ``msgpack`` for the whole process by its own, and those unpickle arrays of objects before
any hook of ours is asked. So the functions are taken from where they are defined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    from msgpack._cmsgpack import Packer, Unpacker, unpackb
except ImportError:  # no compiler where it was installed
    from msgpack.fallback import Packer, Unpacker, unpackb

__all__ = ["Unpacker", "pack", "unpack"]


def pack(value: Any, default: Callable[[Any], Any]) -> bytes:
    """Bytes of `value`. Raises TypeError for what `default` has no form for."""
    packed: Any = Packer(default=default).pack(value)
    return packed


def unpack(payload: bytes, object_hook: Callable[[Any], Any]) -> Any:
    """What is in `payload`. Raises what msgpack raises for bytes that are none of it."""
    return unpackb(payload, object_hook=object_hook)
