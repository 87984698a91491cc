"""How far the page is behind the beam: a demo scan, a real service, the dashboard and a browser.

    python -m tools.measure_page --frames 40 --rate 2 --screenshot page.png

From the moment an event document leaves the RunEngine to the moment its frame number stands in the
page of a headless Chromium (playwright and a browser must be installed).
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from alphadiffract_stream.demo._children import DashboardProcess, ProxyProcess, ServiceProcess
from alphadiffract_stream.demo._experiment import Experiment
from alphadiffract_stream.demo._listener import Listener
from alphadiffract_stream.demo._run import PREDICTIONS, RAW
from tests.browser import open_browser

_LOOK = """() => {
  // Bokeh keeps what it draws in shadow trees.
  const find = (root) => {
    const own = root.querySelector('#frame-number');
    if (own) return own;
    for (const element of root.querySelectorAll('*')) {
      const inner = element.shadowRoot && find(element.shadowRoot);
      if (inner) return inner;
    }
    return null;
  };
  window.shownAt = [];
  let last = '';
  setInterval(() => {
    const number = find(document)?.innerText;
    if (number && number !== last) {
      window.shownAt.push([Number(number), Date.now() / 1000]);
      last = number;
    }
  }, 10);
}"""
_PATIENCE = 120.0
"""s for processes and page to be there."""
_AFTERWARDS = 3.0
"""s in which the last frame may still be drawn."""


@dataclass(frozen=True, slots=True)
class Behind:
    """Seconds from an event's leaving the RunEngine to its number in the page."""

    frames: int
    shown: int
    """A browser that is still drawing is sent the latest frame when it is done."""
    median: float
    within_95: float
    longest: float
    faults: list[str]
    """Errors in the browser's console."""


def measure(
    frames: Annotated[int, typer.Option()] = 40,
    rate: Annotated[float, typer.Option(help="Frames a second.")] = 2.0,
    screenshot: Annotated[Path | None, typer.Option(help="PNG of the page after the scan.")] = None,
    report: Annotated[Path | None, typer.Option(help="JSON.")] = None,
) -> None:
    """Scan, watch, and say how far behind the page was."""
    with ExitStack() as stack:
        browser = stack.enter_context(open_browser())
        proxy = stack.enter_context(ProxyProcess())
        stack.enter_context(ServiceProcess(proxy, raw=RAW, predictions=PREDICTIONS, engine="onnx:"))
        listener = stack.enter_context(Listener(proxy.subscribe_port, PREDICTIONS))
        shown = stack.enter_context(DashboardProcess(proxy, raw=RAW, predictions=PREDICTIONS))
        experiment = Experiment(proxy.publish_port, RAW, exposure=1 / rate, seed=0)
        stack.callback(experiment.close)
        faults: list[str] = []
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.goto(shown.url)
        _await_answer(experiment, listener)
        page.wait_for_selector("#frame-number", timeout=1000 * _PATIENCE)
        page.evaluate(_LOOK)
        unix = time.time() - time.perf_counter()
        experiment.heat(frames)
        page.wait_for_timeout(1000 * _AFTERWARDS)
        seen = {int(number): at for number, at in page.evaluate("window.shownAt")}
        if screenshot is not None:
            page.screenshot(path=screenshot)
        found = _behind(seen, {n: at + unix for n, at in experiment.emitted.items()}, list(faults))
    Console().print_json(json.dumps(asdict(found)))
    if report is not None:
        report.write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")


def _await_answer(experiment: Experiment, listener: Listener) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if listener.wait(experiment.probe(), lambda run: run.stop is not None, timeout=0.5):
            return
    raise SystemExit(f"no answer from the service within {_PATIENCE:g} s")


def _behind(seen: dict[int, float], emitted: dict[int, float], faults: list[str]) -> Behind:
    late: Any = np.array(
        [at - emitted[number] for number, at in seen.items() if at > emitted[number]]
    )
    return Behind(
        frames=len(emitted),
        shown=len(late),
        median=round(float(np.median(late)), 3),
        within_95=round(float(np.quantile(late, 0.95)), 3),
        longest=round(float(late.max()), 3),
        faults=faults,
    )


if __name__ == "__main__":
    typer.run(measure)
