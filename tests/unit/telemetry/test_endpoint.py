from __future__ import annotations

import json
import socket
import ssl
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from alphadiffract_stream.errors import ConfigurationError
from alphadiffract_stream.telemetry import Endpoint, Reply, Security
from tests.certificates import self_signed


def metrics(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"numbers\n"]


@contextmanager
def serving(security: Security | None = None, host: str = "127.0.0.1", **more):
    routes = {
        "/good": lambda trusted: Reply({"all": trusted}),
        "/bad": lambda trusted: Reply({"reason": "å"}, ok=False),
        "/private": lambda trusted: Reply({"secret": 1}) if trusted else None,
        **more,
    }
    guarded = {"/metrics": metrics}
    endpoint = Endpoint(host, 0, json=routes, guarded=guarded, security=security)
    try:
        yield endpoint
    finally:
        endpoint.close()
        endpoint.close()


def get(url: str, *, method: str = "GET", context=None, **headers) -> tuple[int, str]:
    request = urllib.request.Request(url, method=method, headers=headers)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_paths_answer_and_say_how_it_is():
    with serving() as endpoint:
        assert get(endpoint.address + "/good") == (200, '{"all": true}')
        assert get(endpoint.address + "/bad") == (503, '{"reason": "å"}')
        assert get(endpoint.address + "/metrics") == (200, "numbers\n")
        assert get(endpoint.address + "/")[0] == 404
        assert get(endpoint.address + "/good", method="POST")[0] == 405
        assert get(endpoint.address + "/good", method="HEAD") == (200, "")


def test_a_token_opens_what_is_not_for_everybody(tmp_path):
    token = tmp_path / "token"
    token.write_text("right\n")
    with serving(Security(token_file=token)) as endpoint:
        for path in ("/metrics", "/private"):
            assert get(endpoint.address + path)[0] == 401
            assert get(endpoint.address + path, Authorization="Bearer wrong")[0] == 401
            assert get(endpoint.address + path, Authorization="Basic right")[0] == 401
            assert get(endpoint.address + path, Authorization="Bearer right")[0] == 200
        assert get(endpoint.address + "/good") == (200, '{"all": false}')
        token.write_text("new")
        assert get(endpoint.address + "/metrics", Authorization="Bearer right")[0] == 401
        assert get(endpoint.address + "/metrics", Authorization="Bearer new")[0] == 200
        token.write_text("")
        assert get(endpoint.address + "/metrics", Authorization="Bearer ")[0] == 401
        token.unlink()
        assert get(endpoint.address + "/metrics", Authorization="Bearer new")[0] == 401


def test_over_tls_a_silent_client_holds_up_nobody(tmp_path):
    path = self_signed(tmp_path)
    context = ssl.create_default_context(cafile=path)
    with serving(Security(certificate=path)) as endpoint:
        assert endpoint.address.startswith("https://127.0.0.1:")
        port = int(endpoint.address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)):
            assert get(endpoint.address + "/good", context=context) == (200, '{"all": true}')
        with pytest.raises(urllib.error.URLError):
            get(endpoint.address + "/good", context=ssl.create_default_context())


def test_only_so_many_at_once_and_room_again_when_they_are_gone():
    release = threading.Event()

    def slow(_: bool) -> Reply:
        release.wait(20)
        return Reply({})

    with serving(**{"/slow": slow}) as endpoint:
        port = int(endpoint.address.rpartition(":")[2])
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(16)]
        for one in held:
            one.sendall(b"GET /slow HTTP/1.0\r\n\r\n")
        with socket.create_connection(("127.0.0.1", port), timeout=10) as extra:
            assert extra.recv(1) == b"", "turned away"
        release.set()
        for one in held:
            assert one.recv(100).startswith(b"HTTP/1.0 200")
            one.close()
        assert get(endpoint.address + "/good")[0] == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.0\r\n\r\n",
        b"GET /good HTTP/1.0\r\n" + b"a: b\r\n" * 500 + b"\r\n",
        b"\n",
    ],
)
def test_what_is_no_request_ends_itself_only(sent):
    with serving() as endpoint:
        port = int(endpoint.address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while part := client.recv(1000):
                    answer += part
            except ConnectionResetError:
                pass
            assert b"200 OK" not in answer
        assert get(endpoint.address + "/good")[0] == 200


def test_what_cannot_be_served_is_said_in_words(tmp_path):
    with serving() as endpoint:
        port = int(endpoint.address.rpartition(":")[2])
        with pytest.raises(ConfigurationError, match=f"metrics_port={port}: cannot serve there"):
            Endpoint("127.0.0.1", port, json={}, guarded={})
    with pytest.raises(ConfigurationError, match=r"metrics_host='no\.such\.host\.invalid'"):
        Endpoint("no.such.host.invalid", 0, json={}, guarded={})
    security = Security(certificate=tmp_path / "none.pem")
    with pytest.raises(ConfigurationError, match=r"metrics_certificate=.*none\.pem"):
        Endpoint("127.0.0.1", 0, json={}, guarded={}, security=security)


def test_ipv6_is_served_and_written_as_urls_want_it():
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        with serving(host="::1") as endpoint:
            assert endpoint.address.startswith("http://[::1]:")
            assert json.loads(get(endpoint.address + "/good")[1]) == {"all": True}
    except ConfigurationError as error:
        pytest.skip(f"no IPv6 here: {error}")
