"""CBF and EDF with fabio, TIFF with tifffile: header first, so that nothing too large is unpacked.

The codec is chosen by the file's ending and never guessed: fabio's guess would open formats that
lead out of the folder or that somebody slipped in.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import PatternError

Check = Callable[[Sequence[int | None]], object]
"""Raises PatternError for a shape that is not the detector's."""
Frames = Iterator[Any]

_SECTION = b"--CIF-BINARY-FORMAT-SECTION--"
_CBF_FIELD = re.compile(r"^\s*([\w-]+)\s*[:=]\s*\"?([^\"\r\n;]+)", re.MULTILINE)
_CBF_TYPES = {
    f"{sign} {bits}-bit integer": f"{letter}{bits // 8}"
    for sign, letter in (("signed", "i"), ("unsigned", "u"))
    for bits in (8, 16, 32)
}
_STARTER = b"\x0c\x1a\x04\xd5"
_MOST_BYTES = 2**30
"""Of one file; CBF is read as a whole."""
_MOST_FRAMES = 100_000


def _cbf(path: Path, check: Check) -> Frames:
    from fabio.compression import decByteOffset

    # Only the unpacking is fabio's: its reader looks for these marks for ever where one is damaged.
    content = _content(path)
    section = content.find(_SECTION)
    begin = content.find(_STARTER, section)
    if section < 0 or begin < 0:
        raise PatternError("file", f"{path}: no binary section", "check that it is whole")
    about = dict(_CBF_FIELD.findall(content[section:begin].decode("latin-1")))
    shape = (
        int(about["X-Binary-Size-Second-Dimension"]),
        int(about["X-Binary-Size-Fastest-Dimension"]),
    )
    check(shape)
    if about["conversions"] != "x-CBF_BYTE_OFFSET":
        remedy = "write it with x-CBF_BYTE_OFFSET, as Pilatus does"
        raise PatternError("file", f"{path}: conversions {about['conversions']!r:.60}", remedy)
    begin += len(_STARTER)
    data = content[begin : begin + int(about["X-Binary-Size"])]
    said = about.get("Content-MD5", "")
    found = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    if said not in ("", found):
        raise PatternError("file", f"{path}: its checksum is wrong", "copy it again")
    dtype = _CBF_TYPES[about["X-Binary-Element-Type"]]
    values = decByteOffset(data, size=shape[0] * shape[1], dtype=dtype)
    yield np.asarray(values).astype(dtype).reshape(shape)


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
    size = path.stat().st_size
    with TiffFile(path) as file:
        for number in range(min(len(file.pages), _MOST_FRAMES)):
            page = file.pages[number]
            check(page.shape)
            parts = zip(page.dataoffsets, page.databytecounts, strict=True)
            if any(offset + length > size for offset, length in parts):
                raise PatternError("file", f"{path}: ends within its image", "copy it again")
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
