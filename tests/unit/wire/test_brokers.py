from __future__ import annotations

import pytest

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.urls import parse_url
from alphadiffract_stream.wire import brokers_of, properties_of, topics_of


@pytest.mark.parametrize(
    ("url", "brokers"),
    [
        ("kafka://one/t", "one:9092"),
        ("kafka://one:19092/t", "one:19092"),
        ("kafka://One:1,two,three:3/t", "One:1,two:9092,three:3"),
        ("kafka://[::1]:9/t", "[::1]:9"),
    ],
)
def test_brokers_have_their_port_or_the_usual_one(url, brokers):
    assert brokers_of(parse_url(url)) == brokers


@pytest.mark.parametrize("url", ["kafka:/t", "kafka:t", "kafka://one,,two/t"])
def test_brokers_must_be_named(url):
    with pytest.raises(ConfigurationError, match="BROKER"):
        brokers_of(parse_url(url))


def test_topics():
    assert topics_of(parse_url("kafka://b/xpd.bluesky.documents")) == ["xpd.bluesky.documents"]
    assert topics_of(parse_url("kafka://b/a,b-2")) == ["a", "b-2"]
    for url in ("kafka://b", "kafka://b/", "kafka://b/a b", "kafka://b/a/b"):
        with pytest.raises(ConfigurationError, match="no topic"):
            topics_of(parse_url(url))


def test_properties_are_read_as_kcat_reads_them(tmp_path):
    url = parse_url("kafka://b/t")
    file = tmp_path / "p"
    file.write_text("# comment\n\nsasl.password = a=b \nsecurity.protocol=SASL_SSL\n")
    assert properties_of(url, str(file)) == {
        "sasl.password": "a=b",
        "security.protocol": "SASL_SSL",
    }
    assert properties_of(url, "") == {}
    file.write_text("nothing")
    with pytest.raises(ConfigurationError, match="no name=value: 'nothing'"):
        properties_of(url, str(file))
    with pytest.raises(ConfigurationError, match="No such file"):
        properties_of(url, str(tmp_path / "none"))
