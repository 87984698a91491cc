"""What a ``kafka://`` URL and its file of properties say, for source and sink alike."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import ConfigurationError
from ..urls import Url

DEFAULT_PORT = 9092
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")


def brokers_of(url: Url) -> str:
    """``bootstrap.servers``. Raises ConfigurationError without a host."""
    if "," in url.host:
        hosts = url.host.split(",")
    else:
        host = f"[{url.host}]" if ":" in url.host else url.host
        hosts = [f"{host}:{url.port}" if url.port else host]
    if not all(hosts):
        raise ConfigurationError(f"{url}: write kafka://BROKER:{DEFAULT_PORT}/TOPIC")
    return ",".join(h if re.search(r":\d+$", h) else f"{h}:{DEFAULT_PORT}" for h in hosts)


def topics_of(url: Url) -> list[str]:
    """Topics, separated by commas. Raises ConfigurationError without one or for a bad name."""
    topics = url.path.strip("/").split(",")
    for topic in topics:
        if not _TOPIC.fullmatch(topic):
            raise ConfigurationError(
                f"{url}: no topic {topic!r}; write kafka://BROKER:{DEFAULT_PORT}/TOPIC"
            )
    return topics


def properties_of(url: Url, path: str) -> dict[str, str]:
    """Properties of librdkafka, one ``name=value`` a line, as kcat reads them; '' is no file.

    Passwords belong there and not into a URL. Raises ConfigurationError.
    """
    if not path:
        return {}
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{url}: config={path}: {error}") from None
    said = [line.strip() for line in lines]
    pairs = [line.partition("=") for line in said if line and not line.startswith("#")]
    if wrong := [name for name, sign, _ in pairs if not sign]:
        raise ConfigurationError(f"{url}: config={path}: no name=value: {wrong[0][:60]!r}")
    return {name.strip(): value.strip() for name, _, value in pairs}
