"""What a file's writer has not come to."""

from __future__ import annotations


class NotYetError(Exception):
    """What is asked for is not there, but its writer may not have come so far."""
