"""The query part of a transport's URL, checked against a model of what it understands."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from ..errors import ConfigurationError
from ..urls import Url

Options = TypeVar("Options", bound=BaseModel)


def read_options(model: type[Options], url: Url) -> Options:
    """`url.query` as a `model`. Raises ConfigurationError naming the option and the remedy."""
    try:
        return model.model_validate(url.query)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "options"
        if first["type"] == "extra_forbidden":
            known = ", ".join(sorted(model.model_fields))
            raise ConfigurationError(f"{url}: unknown option {name!r}; known: {known}") from None
        value = url.query.get(name)
        raise ConfigurationError(f"{url}: {name}={value}: {first['msg']}") from None
