"""Bluesky's own 0MQ proxy on two free ports of this machine; prints them as JSON and forwards.

python -m alphadiffract_stream.demo._proxy
"""

from __future__ import annotations

import json

from bluesky.callbacks.zmq import Proxy


def main() -> None:
    """Forward until terminated."""
    proxy = Proxy("127.0.0.1", "127.0.0.1")
    print(json.dumps({"publish": _port(proxy.in_port), "subscribe": _port(proxy.out_port)}))
    print(flush=True)
    proxy.start()


def _port(address: int | str) -> int:
    return int(str(address).rpartition(":")[2])


if __name__ == "__main__":
    main()
