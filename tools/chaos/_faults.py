"""The faults themselves, each begun when the publisher has come so far."""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable

from ._plan import RESOURCES, Fault
from ._processes import Broken
from ._world import World

Say = Callable[[str], None]


class Faults:
    """A thread for each thing that faults befall; `broken` is what they found."""

    def __init__(self, world: World, faults: Iterable[Fault], say: Say) -> None:
        self.broken: list[str] = []
        self.done: list[str] = []
        """Kinds, as they were over."""
        self._world = world
        self._say = say
        self._left = list(faults)
        self._service_falls = threading.Lock()
        self._queues: dict[str, queue.SimpleQueue[Fault | None]] = {}
        self._threads: list[threading.Thread] = []
        for resource in {RESOURCES[fault.kind] for fault in self._left}:
            waiting = self._queues[resource] = queue.SimpleQueue()
            thread = threading.Thread(target=self._befall, args=(waiting,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def progress(self, published: int) -> None:
        """So many events are published: begin what is due."""
        while self._left and self._left[0].at < published:
            fault = self._left.pop(0)
            self._queues[RESOURCES[fault.kind]].put(fault)

    def finish(self) -> None:
        """Until the last one is over."""
        for waiting in self._queues.values():
            waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _befall(self, waiting: queue.SimpleQueue[Fault | None]) -> None:
        while (fault := waiting.get()) is not None:
            time.sleep(fault.delay)
            self._say(fault.kind)
            try:
                getattr(self, f"_{fault.kind}")(fault)
            except Broken as finding:
                self.broken.append(f"{fault.kind}: {finding}")
            except Exception as error:
                self.broken.append(f"{fault.kind}: {type(error).__name__}: {error}")
            self.done.append(fault.kind)

    # The service

    def _kill(self, fault: Fault) -> None:
        service = self._world.service
        with self._service_falls, self._world.outages.during():
            service.kill()
            time.sleep(fault.length / 3)
            service.launch()
            if fault.twice:
                time.sleep(fault.length)
                service.kill()
                service.launch()
            self._up()

    def _terminate(self, fault: Fault) -> None:
        service = self._world.service
        with self._service_falls, self._world.outages.during():
            if status := service.terminate():
                raise Broken(f"SIGTERM: exit status {status}: {service.last_words()}")
            time.sleep(fault.length / 3)
            service.launch()
            self._up()

    def _poison(self, fault: Fault) -> None:
        """Killed; meanwhile its model is not what its card says: it must not start with that."""
        service, model = self._world.service, self._world.model
        with self._service_falls, self._world.outages.during():
            service.kill()
            model.poison()
            service.launch()
            status = service.wait()
            model.restore()
            if status == 0 or "sha256" not in service.last_words().lower().replace("-", ""):
                raise Broken(f"a poisoned model: exit status {status}: {service.last_words()}")
            service.launch()
            self._up()

    def _exchange(self, fault: Fault) -> None:
        """Killed, and started with another model."""
        service = self._world.service
        with self._service_falls, self._world.outages.during():
            service.kill()
            self._world.model.exchange()
            service.launch()
            self._up()

    def _clock(self, fault: Fault) -> None:
        clock, service = self._world.clock, self._world.service
        assert clock is not None
        clock.jump(fault.jump)
        time.sleep(0.5)
        if (told := service.status()) and clock.off(told["service"]["time"]) > 5:
            raise Broken(f"the clock did not jump: {told['service']['time']}")

    def _up(self) -> None:
        self._world.service.wait_until_ready()
        self._world.service.wait_until_connected()

    # What is around it

    def _proxy(self, fault: Fault) -> None:
        world = self._world
        with world.outages.during():
            world.proxy.signal(signal.SIGKILL)
            time.sleep(fault.length)
            world.proxy.start()
            time.sleep(1.0)
            with self._service_falls:
                world.service.wait_until_connected()

    def _freeze(self, fault: Fault) -> None:
        self._world.proxy.signal(signal.SIGSTOP)
        time.sleep(fault.length)
        self._world.proxy.signal(signal.SIGCONT)

    def _reader(self, fault: Fault) -> None:
        self._world.reader.away.set()
        time.sleep(fault.length)
        self._world.reader.away.clear()

    def _slow(self, fault: Fault) -> None:
        reader = self._world.slow_reader
        assert reader is not None
        reader.slow.set()
        time.sleep(2 * fault.length)
        reader.slow.clear()

    def _disk(self, fault: Fault) -> None:
        disk = self._world.disk
        assert disk is not None
        with self._world.full.during():
            disk.fill()
            time.sleep(fault.length)
            disk.free()

    def _triton(self, fault: Fault) -> None:
        triton = self._world.triton
        assert triton is not None
        triton.kill()
        time.sleep(fault.length)
        triton.start(90.0)
