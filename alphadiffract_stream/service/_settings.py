"""Every setting of the service, typed, with its unit; from arguments, environment and TOML."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    ByteSize,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from ..errors import ConfigurationError
from ..grid import BACKGROUND_METHODS
from ..pattern import HC_KEV_ANGSTROM
from ..urls import parse_url

PREFIX = "ALPHADIFFRACT_"
_NOT_SETTINGS = {"ALPHADIFFRACT_DATA"}
"""Variables with the prefix that are no settings: where tests find reference data."""


def _url(text: str) -> str:
    try:
        parse_url(text)
    except ConfigurationError as error:
        raise ValueError(str(error)) from None
    return text


Url = Annotated[str, AfterValidator(_url)]
Urls = Annotated[list[Url], NoDecode]


class Settings(BaseSettings):
    """Settings of ``serve``: arguments win over ``ALPHADIFFRACT_…`` variables over the file."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    sources: Urls = Field(
        default=[],
        description="Where patterns come from, as URLs. In the environment: separated by spaces.",
    )
    sinks: Urls = Field(
        default=["terminal:"],
        description="Where predictions go, as URLs. In the environment: separated by spaces.",
    )
    engine: Url = Field(
        default="onnx:",
        description="What runs the network: `onnx:` is the embedded model, `onnx:PATH` another.",
    )
    fallback: Url | None = Field(
        default=None,
        description="Engine that answers while `engine` is out of order, e.g. `onnx:default`; its "
        "predictions say so. Where not given, patterns wait for an engine elsewhere to come back.",
    )
    energy_kev: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Photon energy in keV of patterns that name none. Not with `wavelength`.",
    )
    wavelength: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Wavelength in Å of patterns that name none. Not with `energy_kev`.",
    )
    background: str | None = Field(
        default=None,
        description="Background removal before the network; none where not given. One of "
        + ", ".join(f"`{method}`" for method in BACKGROUND_METHODS)
        + ".",
    )
    max_batch: int = Field(
        default=32, ge=1, description="Most patterns in one call of the engine, under load."
    )
    max_in_flight: int = Field(
        default=2, ge=1, description="Calls of the engine that may be under way at once."
    )
    max_delay: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Seconds a batch waits to fill while the engine is busy; never when idle.",
    )
    queue_size: int = Field(
        default=1024,
        ge=1,
        description="Patterns accepted and not yet answered, after which sources are held back.",
    )
    policy: Literal["lossless", "latest"] = Field(
        default="lossless",
        description="What becomes of patterns when they come faster than they are answered. "
        "`lossless`: all are answered, those that wait are kept, and then sources are held back; "
        "`latest`: the newest are answered, and the older ones refused.",
    )
    spool: Path | None = Field(
        default=None,
        description="Folder, for this service alone, where patterns are kept until they are "
        "answered, so that they outlive the service; none are where not given.",
    )
    spool_size: ByteSize = Field(
        default=ByteSize(2 << 30),
        ge=16 << 20,
        validate_default=True,
        description="How much is kept there of what is not answered, e.g. `2GiB`; when it is full, "
        "sources are held back.",
    )
    resume_wait: float = Field(
        default=3600.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds after a restart that the spool's open runs are waited for; one that "
        "nothing comes of is then closed.",
    )
    backfill: Url | None = Field(
        default=None,
        description="Where the documents of runs are kept, e.g. `tiled:http://HOST:8000/PATH` or "
        "`log:FOLDER`: what is missing of a run is fetched there before it is closed.",
    )
    backfill_timeout: float = Field(
        default=10.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds without anything new from there, after which the rest stays missing.",
    )
    reorder_wait: float = Field(
        default=2.0,
        ge=0,
        allow_inf_nan=False,
        description="Seconds a gap in seq_num holds back the events after it.",
    )
    reorder_limit: int = Field(
        default=256,
        ge=0,
        description="Events a gap in seq_num holds back at most; never more than `queue_size`.",
    )
    engine_timeout: float = Field(
        default=30.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds after which a call of the engine is tried again, then failed.",
    )
    health_interval: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds between golden inferences that tell whether an engine elsewhere is in "
        "order.",
    )
    health_timeout: float = Field(
        default=2.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds a golden inference may take, those queued before it included.",
    )
    hold_timeout: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Seconds a pattern waits for an engine to come back before it fails; for ever "
        "where not given.",
    )
    sink_timeout: float = Field(
        default=5.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds after which a sink is given up for one document.",
    )
    drain_timeout: float = Field(
        default=30.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds for answering what was accepted, once the service is told to stop.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least serious message that is logged."
    )

    log_format: Literal["text", "json"] = Field(
        default="text",
        description="How a log line looks; `json`: one object, with `run_uid` and `seq_num` where "
        "they apply.",
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port of `/metrics` (Prometheus), `/status`, `/healthz` and `/readyz`; 0 takes "
        "a free one, which is logged. Nothing is served where not given.",
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address they are served at; `0.0.0.0` is every interface.",
    )
    metrics_certificate: Path | None = Field(
        default=None, description="PEM file of a TLS certificate: they are then served over HTTPS."
    )
    metrics_key: Path | None = Field(
        default=None, description="PEM file of its key, where the certificate's does not hold it."
    )
    metrics_token_file: Path | None = Field(
        default=None,
        description="File with the bearer token that `/metrics` and `/status` ask for.",
    )

    @classmethod
    def load(cls, config: Path | None = None, **given: Any) -> Self:
        """Settings from arguments, environment and a TOML file, in this order of precedence.

        Arguments that are None or empty count as not given. Raises ConfigurationError naming each
        field at fault.
        """
        given = {key: value for key, value in given.items() if value not in (None, [], ())}
        table = _read(config) if config else {}
        if len({"energy_kev", "wavelength"} & given.keys()) == 1:
            # One given by hand replaces the other one wherever that was written.
            given.setdefault("wavelength", None)
            given.setdefault("energy_kev", None)
        try:
            return cls(**{_TABLE: table}, **given)
        except ValidationError as error:
            place = f"{config}: " if config else ""
            raise ConfigurationError(place + _in_words(error)) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then the table `load` read."""
        given = init_settings()
        table = given.pop(_TABLE, {})
        return (
            InitSettingsSource(settings_cls, given),
            env_settings,
            InitSettingsSource(settings_cls, table),
        )

    @field_validator("sources", "sinks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return value.split() if isinstance(value, str) else value

    @field_validator("background")
    @classmethod
    def _known(cls, method: str | None) -> str | None:
        if method is not None and method not in BACKGROUND_METHODS:
            raise ValueError(f"choose one of {', '.join(BACKGROUND_METHODS)}")
        return method

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.energy_kev is not None and self.wavelength is not None:
            raise ValueError("energy_kev and wavelength: give one of them, not both")
        if self.metrics_key and not self.metrics_certificate:
            raise ValueError("metrics_key: give metrics_certificate, too")
        local = self.metrics_host in ("localhost", "::1") or self.metrics_host.startswith("127.")
        if self.metrics_token_file and not (self.metrics_certificate or local):
            raise ValueError(
                "metrics_token_file: a token goes over TLS only; give metrics_certificate, or "
                "metrics_host=127.0.0.1"
            )
        return self

    @property
    def fallback_wavelength(self) -> float | None:
        """Å, for patterns that name none; None where the operator gave neither."""
        if self.energy_kev is not None:
            return HC_KEV_ANGSTROM / self.energy_kev
        return self.wavelength


_TABLE = "toml table"
"""Key under which `load` hands the file over; no TOML key or argument can have this name."""


def unknown_variables() -> list[str]:
    """Environment variables with our prefix that name no setting: most likely misspelt."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | _NOT_SETTINGS
    return sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )


def _read(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"{config}: no such file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{config}: cannot be read as TOML: {error}") from None


def _in_words(error: ValidationError) -> str:
    faults = []
    for fault in error.errors(include_url=False):
        name = ".".join(map(str, fault["loc"]))
        if fault["type"] == "extra_forbidden":
            known = ", ".join(Settings.model_fields)
            faults.append(f"{name}: no such setting; known: {known}")
        elif name:
            message = fault["msg"].removeprefix("Value error, ")
            faults.append(f"{name}={fault['input']!r}: {message}")
        else:
            faults.append(fault["msg"].removeprefix("Value error, "))
    return "; ".join(faults)
