"""What a ``triton:`` URL may say, typed."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...errors import ConfigurationError
from ...urls import Url

_PORTS = {"grpc": 8001, "http": 8000}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class TritonOptions(BaseModel):
    """Query part of ``triton://HOST[:PORT]/MODEL?…``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    protocol: Literal["grpc", "http"] = "grpc"
    """``http`` moves big batches a little faster between processes of one machine."""
    version: int | None = Field(default=None, ge=1)
    """Of the model; the server's newest where not given."""
    deadline: float = Field(default=10.0, gt=0)
    """Seconds one call may take, measured here: the server's own queue time-outs stall it."""
    wait: float = Field(default=30.0, ge=0)
    """Seconds to wait at the start until the server has loaded the model."""
    keepalive: float = Field(default=10.0, ge=1)
    """Seconds of silence during a call after which gRPC asks whether the peer is alive."""
    max_batch: int | None = Field(default=None, ge=1)
    """Most patterns in one call; never more than the server takes."""
    tls: bool = False
    ca: Path | None = None
    """PEM file of the authorities trusted; the system's (http) or gRPC's own where not given."""
    certificate: Path | None = None
    """PEM file of this client, with `key`, where the server asks for one."""
    key: Path | None = None
    token_file: Path | None = None
    """File with a bearer token, read again when it changes. Not in the URL, which is logged."""
    shared_memory: bool = False
    """Hand patterns over in memory; only to a server on this machine that sees our /dev/shm."""
    card: Path | None = None
    """Model card, where the server's configuration of the model does not hold it."""

    @classmethod
    def of(cls, url: Url) -> tuple[str, str, Self]:
        """``host:port``, the model's name and the options. Raises ConfigurationError."""
        model = url.path.strip("/")
        if not url.host or not model or "/" in model:
            raise ConfigurationError(f"{url}: write triton://HOST[:PORT]/MODEL")
        try:
            options = cls.model_validate(url.query)
        except ValidationError as error:
            raise ConfigurationError(f"{url}: {_in_words(error)}") from None
        if url.host not in _LOOPBACK:
            if options.shared_memory:
                raise ConfigurationError(f"{url}: shared_memory is for a server on this machine")
            if options.token_file and not options.tls:
                raise ConfigurationError(f"{url}: a token goes over TLS only; add tls=yes")
        host = f"[{url.host}]" if ":" in url.host else url.host
        return f"{host}:{url.port or _PORTS[options.protocol]}", model, options

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key: give both or neither")
        if not self.tls and (self.ca or self.certificate):
            raise ValueError("ca, certificate and key are for tls=yes")
        for path in (self.ca, self.certificate, self.key, self.token_file, self.card):
            if path is not None and not path.is_file():
                raise ValueError(f"{path}: no such file")
        return self


def _in_words(error: ValidationError) -> str:
    faults = []
    for fault in error.errors(include_url=False):
        name = ".".join(map(str, fault["loc"]))
        if fault["type"] == "extra_forbidden":
            known = ", ".join(sorted(TritonOptions.model_fields))
            faults.append(f"unknown option {name!r}; known: {known}")
        else:
            given = f"{name}={fault['input']!r}: " if name else ""
            faults.append(given + fault["msg"].removeprefix("Value error, "))
    return "; ".join(faults)
