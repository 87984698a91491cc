"""Where the work is done: processes here, or a Dask cluster; the same function either way."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from alphadiffract_stream.errors import ConfigurationError

CONNECT_SECONDS = 10.0
Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def open_executor(processes: int, dask: str | None = None) -> Iterator[tuple[Executor, int]]:
    """An executor and how many workers it has.

    dask: None for processes of this machine (where one is enough, this process itself); ``local``
    for a Dask cluster here; else the address of a scheduler, e.g. ``tcp://host:8786``. Raises
    ConfigurationError where that cannot be had.
    """
    if dask is None and processes == 1:
        with ThreadPoolExecutor(1) as here:
            try:
                yield here, 1
            except BaseException:
                here.shutdown(wait=False, cancel_futures=True)
                raise
        return
    if dask is None:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            try:
                yield pool, processes
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return
    with _dask_client(processes, dask) as client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise ConfigurationError(f"dask: no workers at {dask}; start some with `dask worker`")
        yield client.get_executor(), threads


def ordered(
    submit: Callable[[Item], Callable[[], Result]], items: Iterable[Item], ahead: int
) -> Iterator[Result]:
    """Results in the order of `items`, of which at most `ahead` are under way at once.

    `submit` begins an item and returns what waits for its result.
    """
    waiting: deque[Callable[[], Result]] = deque()
    for item in items:
        waiting.append(submit(item))
        if len(waiting) >= ahead:
            yield waiting.popleft()()
    while waiting:
        yield waiting.popleft()()


@contextmanager
def _dask_client(processes: int, dask: str) -> Iterator[Any]:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise ConfigurationError(
            "dask: not installed; pip install 'alphadiffract-stream[dask]'"
        ) from None
    if dask == "local":
        # One thread each: GSAS-II bears no more, and the rest is bound by Python anyway.
        options: dict[str, Any] = {"dashboard_address": None, "host": "127.0.0.1"}
        cluster = LocalCluster(n_workers=processes, threads_per_worker=1, **options)
        with cluster, Client(cluster) as client:
            yield client
        return
    try:
        client = Client(dask, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"dask: no scheduler at {dask!r} ({error})") from None
    with client:
        yield client
