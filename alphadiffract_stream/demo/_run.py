"""The demo from beginning to end: proxy, service and experiment in three processes."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import ConfigurationError
from ._children import ChildError, DashboardProcess, ProxyProcess, ServiceProcess
from ._display import Display
from ._frames import Frame, Truth
from ._listener import Listener, PredictionRun
from ._samples import CALCIUM_CARBONATE, sample_named
from ._summary import Summary

if TYPE_CHECKING:
    from ._experiment import Experiment

RAW, PREDICTIONS = "raw", "alphadiffract"
"""Prefixes on the wire."""
FRAMES = 60
EXPOSURE, HEADLESS_EXPOSURE = 0.25, 0.02
"""Seconds a frame."""
START_LIMIT = 120.0
"""Seconds the whole way may take to open; the first import on a cold disk is slow."""
END_LIMIT = 60.0
"""Seconds the last predictions may take after the scan."""


def run_demo(
    frames: int | None = None,
    headless: bool = False,
    json_path: Path | None = None,
    seed: int = 0,
    engine: str = "onnx:",
    sample: str = CALCIUM_CARBONATE.name,
    dashboard: bool = False,
) -> int:
    """Scan the simulated furnace and show the predictions; 0 if every frame was predicted, else 1.

    frames: how many, 2 at least. headless: print the summary only, expose fast. json_path: where
    each frame's truth and prediction go. engine: as for ``serve``. sample: ``CaCO3`` or
    ``BaTiO3``. dashboard: serve the page beside it, until Ctrl-C. Raises ConfigurationError
    without bluesky and ophyd or for unusable settings, ChildError when the service does not run.
    """
    count = FRAMES if frames is None else frames
    if count < 2:
        raise ConfigurationError(f"--frames {count}: a scan has 2 frames at least")
    heated = sample_named(sample)
    _require("bluesky", "ophyd")
    if dashboard:
        _require("bokeh", extra="dashboard")
    from ._experiment import Experiment

    exposure = HEADLESS_EXPOSURE if headless else EXPOSURE
    with contextlib.ExitStack() as stack:
        display = Display(count, headless=headless)
        display.say("Starting a 0MQ proxy and, in another process, `alphadiffract-stream serve`")
        proxy = stack.enter_context(ProxyProcess())
        service = stack.enter_context(
            ServiceProcess(proxy, raw=RAW, predictions=PREDICTIONS, engine=engine)
        )
        listener = stack.enter_context(Listener(proxy.subscribe_port, PREDICTIONS))
        page = None
        if dashboard:
            page = stack.enter_context(DashboardProcess(proxy, raw=RAW, predictions=PREDICTIONS))
            display.say(f"Watch it in a browser: {page.url}")
            if headless:
                print(page.url, file=sys.stderr)
        experiment = Experiment(
            proxy.publish_port, RAW, exposure=exposure, seed=seed, sample=heated
        )
        stack.callback(experiment.close)
        _open_the_way(experiment, listener, (proxy, service))
        display.say(
            f"Heating {heated.phases[0].name}; "
            "right is green, wrong is red, two phases are not judged"
        )
        stack.enter_context(display)
        scan = _scan(experiment, listener, display, count, (proxy, service))
        summary = Summary.of(*scan)
        display.finish(summary)
        if page is not None:
            _stay(page, display)
    if json_path is not None:
        _write(json_path, scan[0], summary)
    return 0 if summary.complete else 1


def _open_the_way(
    experiment: Experiment, listener: Listener, children: tuple[ProxyProcess, ServiceProcess]
) -> None:
    """Take probe frames until one is answered.

    0MQ's PUB and SUB say nothing about whether the other end is connected; an answer proves all
    four connections at once, and that the model is loaded.
    """
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        for child in children:
            child.check()
        if listener.wait(experiment.probe(), lambda run: run.stop is not None, timeout=0.5):
            return
    raise ChildError(
        f"no answer from the service within {START_LIMIT:.0f} s; it said:\n{children[1].log()}"
    )


def _scan(
    experiment: Experiment,
    listener: Listener,
    display: Display,
    count: int,
    children: tuple[ProxyProcess, ServiceProcess],
) -> tuple[list[Frame], Mapping[str, Any] | None]:
    """Heat, show what comes back, and wait for the end; frames in order and the stop document."""
    sample = experiment.sample
    truths = [Truth.at(float(kelvin), sample) for kelvin in sample.temperatures(count)]

    def show(raw_uid: str, seq_num: int, event: Mapping[str, Any]) -> None:
        if raw_uid == experiment.run_uid:
            display.show(Frame(seq_num, truths[seq_num - 1], event["data"], None))

    listener.on_event = show
    uid = experiment.heat(count)
    deadline = time.monotonic() + END_LIMIT
    run = None
    while run is None and time.monotonic() < deadline and all(child.alive for child in children):
        run = listener.wait(uid, lambda run: run.stop is not None, timeout=0.5)
    run = run or listener.run(uid) or PredictionRun({})
    frames = [
        Frame(
            seq_num,
            truth,
            run.events[seq_num]["data"] if seq_num in run.events else None,
            _latency(experiment, run, seq_num),
        )
        for seq_num, truth in enumerate(truths, start=1)
    ]
    return frames, run.stop


def _latency(experiment: Experiment, run: PredictionRun, seq_num: int) -> float | None:
    if seq_num not in run.arrived or seq_num not in experiment.emitted:
        return None
    return 1000 * (run.arrived[seq_num] - experiment.emitted[seq_num])


def _write(path: Path, frames: list[Frame], summary: Summary) -> None:
    content = {"frames": [frame.to_json() for frame in frames], "summary": summary.to_json()}
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_INDENT_2))


def _stay(page: DashboardProcess, display: Display) -> None:
    """Keep the page until Ctrl-C, for whoever still looks at it."""
    display.say(f"The scan stays on {page.url}; Ctrl-C ends it")
    with contextlib.suppress(KeyboardInterrupt):
        while page.alive:
            time.sleep(0.2)


def _require(*packages: str, extra: str = "demo") -> None:
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"the demo needs {' and '.join(missing)}, which is not installed; "
            f"see `pip install 'alphadiffract-stream[{extra}]'`"
        )
