"""What can go wrong with input, in words a beamline scientist knows."""

from __future__ import annotations


class AlphaDiffractError(Exception):
    """Base of every error this package raises on purpose."""


class PatternError(AlphaDiffractError, ValueError):
    """A pattern that cannot be analysed; becomes a prediction with ``status: refused``.

    Names the field at fault, its value and the remedy, so that the text alone is enough to act on.
    """

    def __init__(self, field: str, value: object, remedy: str) -> None:
        self.field = field
        self.value = value
        self.remedy = remedy
        super().__init__(f"{field}: {value}; {remedy}")


class DecodeError(AlphaDiffractError, ValueError):
    """Bytes or a document that could not be read at all; logged, counted and dropped."""


class EngineError(AlphaDiffractError, RuntimeError):
    """The engine could not load a model or could not answer; becomes ``status: failed``."""


class ConfigurationError(AlphaDiffractError, ValueError):
    """A setting or URL that makes no sense; raised before anything starts."""
