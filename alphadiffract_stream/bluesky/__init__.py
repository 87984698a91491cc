"""Inside the experiment: a callback, devices and plans for a RunEngine.

The callback needs no more than the light install; devices and plans need
``pip install 'alphadiffract-stream[bluesky]'``. Names are loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._adaptive import TransitionEvaluation, TransitionOptimizer
    from ._answers import Answers
    from ._callback import AlphaDiffractCallback
    from ._device import PredictionLost
    from ._engine_process import EngineProcess
    from ._ophyd_async_device import AlphaDiffractReadable
    from ._ophyd_device import AlphaDiffractDevice
    from ._plan_stubs import (
        event_then_prediction,
        predict_and_read,
        repeat_until_confident,
        trigger_then_predict,
    )
    from ._plans import (
        ScanResult,
        Transition,
        adaptive_scan,
        scan_until_change,
        stop_on_change_decorator,
        stop_on_change_wrapper,
    )
    from ._predictor import Predictor
    from ._service_answers import ServiceAnswers
    from ._suspenders import HealthMonitor, SuspendWhenUncertain, SuspendWhenUnhealthy, golden

_HOME = {
    "_adaptive": ("TransitionEvaluation", "TransitionOptimizer"),
    "_answers": ("Answers",),
    "_callback": ("AlphaDiffractCallback",),
    "_device": ("PredictionLost",),
    "_engine_process": ("EngineProcess",),
    "_ophyd_async_device": ("AlphaDiffractReadable",),
    "_ophyd_device": ("AlphaDiffractDevice",),
    "_plan_stubs": (
        "event_then_prediction",
        "predict_and_read",
        "repeat_until_confident",
        "trigger_then_predict",
    ),
    "_plans": (
        "ScanResult",
        "Transition",
        "adaptive_scan",
        "scan_until_change",
        "stop_on_change_decorator",
        "stop_on_change_wrapper",
    ),
    "_predictor": ("Predictor",),
    "_service_answers": ("ServiceAnswers",),
    "_suspenders": ("HealthMonitor", "SuspendWhenUncertain", "SuspendWhenUnhealthy", "golden"),
}
_HOME_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "AlphaDiffractCallback",
    "AlphaDiffractDevice",
    "AlphaDiffractReadable",
    "Answers",
    "EngineProcess",
    "HealthMonitor",
    "PredictionLost",
    "Predictor",
    "ScanResult",
    "ServiceAnswers",
    "SuspendWhenUncertain",
    "SuspendWhenUnhealthy",
    "Transition",
    "TransitionEvaluation",
    "TransitionOptimizer",
    "adaptive_scan",
    "event_then_prediction",
    "golden",
    "predict_and_read",
    "repeat_until_confident",
    "scan_until_change",
    "stop_on_change_decorator",
    "stop_on_change_wrapper",
    "trigger_then_predict",
]


def __getattr__(name: str) -> Any:
    try:
        module = _HOME_OF[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    try:
        return getattr(import_module(f".{module}", __name__), name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("bluesky", "ophyd", "ophyd_async"):
            raise
        raise ImportError(
            f"{name} needs {missing}, which is not installed; run "
            "`pip install 'alphadiffract-stream[bluesky]'`"
        ) from error


def __dir__() -> list[str]:
    return sorted(__all__)
