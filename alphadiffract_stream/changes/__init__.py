"""Has the sample changed? A sequential test on what the network sees, with a stated error rate."""

from __future__ import annotations

from ._detector import Change, ChangeDetector, Evidence
from ._features import Features, features_of_data, features_of_prediction
from ._noise import Noise
from ._rate import false_alarms, learn_noise

__all__ = [
    "Change",
    "ChangeDetector",
    "Evidence",
    "Features",
    "Noise",
    "false_alarms",
    "features_of_data",
    "features_of_prediction",
    "learn_noise",
]
