"""Names of the files in a series, by the templates of areaDetector and ophyd-async.

Templates come out of documents: they are read here, and never given to ``%`` or ``str.format``,
which would obey them.
"""

from __future__ import annotations

import re

from ...errors import DecodeError

_FIELD = re.compile(r"%s|%0?(\d{0,2})(?:\.(\d{1,2}))?d|\{:?0?(\d{0,2})d?\}")
_LONGEST = 512


def file_of_series(template: str, filename: str, number: int) -> str:
    """File `number` by ``%s%s_%6.6d.tiff`` or ``_{:06d}.tiff``, without the folder it is in.

    The last ``%s`` stands for `filename` and one before it for the folder. Raises DecodeError for
    any other template.
    """
    texts = template.count("%s")
    numbers = 0

    def fill(field: re.Match[str]) -> str:
        nonlocal texts, numbers
        if field[0] == "%s":
            texts -= 1
            return filename if texts == 0 else ""
        numbers += 1
        width = max(int(digits) for digits in (field[1], field[2], field[3], "0") if digits)
        return f"{number:0{width}d}"

    if len(template) > _LONGEST or len(filename) > _LONGEST or texts > 2:
        raise DecodeError(f"template {template!r:.80} is not one of a series")
    rest = _FIELD.sub("", template)
    name = _FIELD.sub(fill, template)
    if numbers != 1 or re.search(r"[%{}]", rest):
        raise DecodeError(f"template {template!r:.80}: one number is needed (%06d or {{:06d}})")
    return name
