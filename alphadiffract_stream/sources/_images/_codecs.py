"""CBF and EDF with fabio, TIFF with tifffile: header first, so that nothing too large is unpacked.

The codec is chosen by the file's ending and never guessed: fabio's guess would open formats that
lead out of the folder or that somebody slipped in.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import PatternError

Check = Callable[[Sequence[int | None]], object]
"""Raises PatternError for a shape that is not the detector's."""
Frames = Iterator[Any]

_STARTER = b"\x0c\x1a\x04\xd5"
_MOST_BYTES = 2**30
"""Of one file; CBF is read as a whole."""
_MOST_FRAMES = 100_000


def _cbf(path: Path, check: Check) -> Frames:
    from fabio.cbfimage import CbfImage

    # fabio looks for this mark for ever, beyond the end of the file.
    if _STARTER not in _content(path):
        raise PatternError("file", f"{path}: no binary section", "check that it is whole")
    header = CbfImage()
    header.readheader(str(path))
    check(tuple(header.shape))
    image = CbfImage()
    image.read(str(path))
    said = image.header.get("Content-MD5")
    if said is not None:
        # fabio only logs what a damaged file is, and goes on.
        data = bytes(image.cbs[image.start_binary + len(_STARTER) :])
        found = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        if found != said:
            raise PatternError("file", f"{path}: its checksum is wrong", "copy it again")
    yield image.data


def _edf(path: Path, check: Check) -> Frames:
    from fabio.edfimage import EdfImage

    _content(path, read=False)
    with EdfImage() as image:
        image.read(str(path))
        for number in range(min(image.nframes, _MOST_FRAMES)):
            frame = image.get_frame(number)
            check(tuple(frame.shape))
            yield frame.data


def _tiff(path: Path, check: Check) -> Frames:
    # Not fabio's own reader: it follows a chain of pages that leads back to itself for ever.
    from tifffile import TiffFile

    _content(path, read=False)
    with TiffFile(path) as file:
        for number in range(min(len(file.pages), _MOST_FRAMES)):
            page = file.pages[number]
            check(page.shape)
            yield page.asarray()


def _content(path: Path, *, read: bool = True) -> bytes:
    size = path.stat().st_size
    if not path.is_file():
        raise PatternError("file", f"{path}: no regular file", "check the path")
    if not 0 < size <= _MOST_BYTES:
        value = f"{path}: {size} bytes"
        raise PatternError("file", value, f"1 to {_MOST_BYTES} bytes are read")
    return path.read_bytes() if read else b""


CODECS: dict[str, Callable[[Path, Check], Frames]] = {
    ".cbf": _cbf,
    ".edf": _edf,
    ".tif": _tiff,
    ".tiff": _tiff,
}
"""By the ending of the file."""
