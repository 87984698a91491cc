"""A bearer token that may change while the service runs (Kubernetes renews them)."""

from __future__ import annotations

from pathlib import Path

from ...errors import EngineError


class Token:
    """Headers with what the file holds now; none without a file."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._changed = 0
        self._text = ""

    def headers(self) -> dict[str, str]:
        """New at each call: the HTTP client writes into what it is given."""
        if self._path is None:
            return {}
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._changed:
                self._text = self._path.read_text(encoding="ascii").strip()
                self._changed = changed
        except (OSError, UnicodeDecodeError) as error:
            raise EngineError(f"triton: token_file {self._path}: {error}") from None
        return {"authorization": f"Bearer {self._text}"}  # gRPC wants lower case
