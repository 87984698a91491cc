"""bluesky's own RemoteDispatcher, read until the first run ends. Says when it hears anything."""

import asyncio
import contextlib

import msgpack
from bluesky.callbacks.zmq import RemoteDispatcher


def read_run(address, callback):
    """Give `callback` every document of the first run that is no probe."""
    dispatcher = RemoteDispatcher(address, prefix=b"alphadiffract", deserializer=msgpack.unpackb)
    heard = []

    def take(name, document):
        if document.get("uid") == "probe":
            if not heard:
                print("hearing", flush=True)
            heard.append(document)
            return
        callback(name, document)
        if name == "stop":
            dispatcher._task.cancel()

    dispatcher.subscribe(take)
    with contextlib.suppress(asyncio.CancelledError):
        dispatcher.start()
