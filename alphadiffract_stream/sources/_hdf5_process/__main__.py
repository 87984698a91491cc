"""``python -m alphadiffract_stream.sources._hdf5_process SOCKET``: started by `Hdf5Reader` only."""

from __future__ import annotations

import socket
import sys

from ._answers import Answers
from ._framing import receive_text, send
from ._limits import GRACE, confine, end_after
from ._protocol import Ready, Request


def main(number: int) -> None:
    """Answer until the other end of the socket of this `number` is closed."""
    confine()
    answers = Answers()
    with socket.socket(fileno=number) as sock:
        send(sock, Ready().model_dump_json().encode())
        while True:
            try:
                request = Request.model_validate_json(receive_text(sock))
                end_after(request.limit + GRACE)
                answer, arrays = answers.to(request)
                send(sock, answer.model_dump_json().encode(), arrays)
                end_after(0)
            except (EOFError, ConnectionError):
                return


if __name__ == "__main__":
    main(int(sys.argv[1]))
