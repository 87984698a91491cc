import pytest
from pydantic import BaseModel, ConfigDict

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.urls import parse_url
from alphadiffract_stream.wire import read_options


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = 3
    bind: bool = False


def test_options_are_typed():
    options = read_options(Options, parse_url("x://host:1?size=7&bind=yes"))

    assert (options.size, options.bind) == (7, True)


def test_an_unknown_option_is_named_with_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"unknown option 'sise'; known: bind, size"):
        read_options(Options, parse_url("x://host:1?sise=7"))


def test_a_wrong_value_is_named():
    with pytest.raises(ConfigurationError, match="size=big: Input should be a valid integer"):
        read_options(Options, parse_url("x://host:1?size=big"))
