"""What stops a curation; a bad entry never does."""

from __future__ import annotations

from alphadiffract_stream.errors import AlphaDiffractError


class CurationError(AlphaDiffractError):
    """The sources, the output or an earlier run do not fit; says which and what to do."""
