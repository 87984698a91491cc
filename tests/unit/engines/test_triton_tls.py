"""What goes to Triton over TLS, against a server that speaks it and writes down what it hears."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import tempfile
import threading
from collections.abc import AsyncIterator

import pytest

from alphadiffract_stream.engines._triton._options import TritonOptions
from alphadiffract_stream.engines._triton._token import Token
from alphadiffract_stream.engines._triton._transport import open_transport
from alphadiffract_stream.urls import parse_url
from tests.certificates import self_signed

pytest.importorskip("tritonclient.grpc")
LIVE = "/inference.GRPCInferenceService/ServerLive"


@contextlib.asynccontextmanager
async def grpc_server(pem: bytes, heard: list[str]) -> AsyncIterator[int]:
    import grpc
    from tritonclient.grpc import service_pb2

    async def live(request: object, context: grpc.aio.ServicerContext) -> object:
        heard.append(dict(context.invocation_metadata() or ()).get("authorization", ""))
        return service_pb2.ServerLiveResponse(live=True)

    handler = grpc.unary_unary_rpc_method_handler(
        live,
        request_deserializer=service_pb2.ServerLiveRequest.FromString,
        response_serializer=service_pb2.ServerLiveResponse.SerializeToString,
    )
    service, method = LIVE.strip("/").split("/")
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: handler}),)
    )
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(pem, pem)]))
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


@contextlib.asynccontextmanager
async def http_server(pem: bytes, heard: list[str]) -> AsyncIterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers.get("authorization", ""))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None: ...  # who does not trust it hangs up

    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:  # ssl reads files only
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def is_live(port: int, query: str) -> bool:
    address, _, options = TritonOptions.of(parse_url(f"triton://127.0.0.1:{port}/m?{query}"))
    client = open_transport(address, options).client
    try:
        return await client.is_server_live(headers=Token(options.token_file).headers())
    except Exception:  # each client has errors of its own for a server that is not trusted
        return False
    finally:
        await client.close()


@pytest.mark.parametrize("protocol", ["grpc", "http"])
async def test_a_token_goes_to_the_server_that_is_trusted_and_to_no_other(tmp_path, protocol):
    certificate = self_signed(tmp_path)
    pem = certificate.read_bytes()
    (tmp_path / "other").mkdir()
    other = self_signed(tmp_path / "other")
    token = tmp_path / "token"
    token.write_text("a-token\n")
    heard: list[str] = []
    serving = {"grpc": grpc_server, "http": http_server}[protocol]
    said = f"protocol={protocol}&token_file={token}"
    async with serving(pem, heard) as port:
        assert await is_live(port, f"{said}&tls=yes&ca={certificate}")
        assert heard == ["Bearer a-token"]
        assert not await is_live(port, f"{said}&tls=yes&ca={other}")
        assert not await is_live(port, f"{said}&tls=yes")
        assert not await is_live(port, said)
    assert heard == ["Bearer a-token"]
