"""Everything around the stream: proxy, service, spool, disk, model, clock and readers."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tools.local_triton import LocalTriton, free_ports

from ._clock import Clock
from ._disk import Disk
from ._model import ModelFile
from ._plan import Plan
from ._processes import Outages, Proxy, Service
from ._published import Published
from ._readers import Reader

GAP_WAIT = {True: 30.0, False: 1.0}
"""s a gap holds back what follows it, where what is lost is sent again and where it is not."""


class World:
    """Made for one plan; started with the block, and gone with it."""

    def __init__(self, folder: Path, plan: Plan, triton: LocalTriton | None) -> None:
        kinds = {fault.kind for fault in plan.faults}
        self.outages = Outages()
        """When what was published may have been lost."""
        self.full = Outages()
        """When the spool could not be written."""
        self.triton = triton
        self.model = ModelFile(folder)
        self.published = Published(folder / "published.jsonl")
        self.proxy = Proxy(folder / "proxy.log")
        self.clock = Clock(folder) if "clock" in kinds else None
        self.disk = Disk(folder / "spool") if "disk" in kinds else None
        self.slow_reader: Reader | None = None
        self._slow_port = free_ports(1)[0] if "slow" in kinds else None
        self._stack = ExitStack()
        settings = {"ALPHADIFFRACT_REORDER_WAIT": str(GAP_WAIT[plan.acknowledged])}
        settings["OMP_NUM_THREADS"] = "1"
        settings |= self.clock.settings() if self.clock else {}
        self.service = Service(folder, self._options(folder), settings)

    def _options(self, folder: Path) -> list[str]:
        engine = f"onnx:{self.model.path}"
        if self.triton is not None:
            engine = f"triton://127.0.0.1:{self.triton.grpc_port}/alphadiffract_cpu"
        sinks = [
            f"jsonl:{folder}/published.jsonl",
            f"bluesky-zmq://127.0.0.1:{self.proxy.in_port}",
        ]
        if self._slow_port is not None:
            slow = "bind=yes&sndhwm=1&patience=0.2"
            sinks.append(f"bluesky-zmq://127.0.0.1:{self._slow_port}?{slow}")
        return [
            *("--source", f"bluesky-zmq://127.0.0.1:{self.proxy.out_port}?prefix=raw"),
            *(option for sink in sinks for option in ("--sink", sink)),
            *("--engine", engine),
            *("--policy", "lossless", "--spool", str(folder / "spool")),
        ]

    def __enter__(self) -> World:
        if self.disk:
            self._stack.callback(self.disk.close)
        self._stack.callback(self.service.close)
        self._stack.callback(self.proxy.close)
        self.proxy.start()
        self.service.launch()
        self.reader = Reader(f"tcp://127.0.0.1:{self.proxy.out_port}")
        if self._slow_port is not None:
            self.slow_reader = Reader(f"tcp://127.0.0.1:{self._slow_port}", small=True)
        self.service.wait_until_ready()
        self.service.wait_until_connected()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        for reader in (self.reader, self.slow_reader):
            if reader:
                reader.close()
