"""gRPC and HTTP behind one face: what differs between Triton's two clients."""

from __future__ import annotations

import ssl
from typing import Any, NamedTuple

from ._options import TritonOptions

_BIGGEST = 2**31 - 1


class Transport(NamedTuple):
    """One connection, and the classes that go with it."""

    client: Any
    """``tritonclient.{grpc,http}.aio.InferenceServerClient``."""
    input_class: Any
    output_class: Any

    def config_of(self, answer: Any) -> dict[str, Any]:
        """The model's configuration in the answer to ``get_model_config``."""
        return answer.get("config", answer)

    def config_options(self) -> dict[str, Any]:
        """To get it as plain values."""
        return {"as_json": True} if self.client.__module__.startswith("tritonclient.grpc") else {}


def open_transport(address: str, options: TritonOptions) -> Transport:
    """Client for ``host:port``; connects when first used. Call it on the loop that will use it."""
    return _grpc(address, options) if options.protocol == "grpc" else _http(address, options)


def _grpc(address: str, options: TritonOptions) -> Transport:
    import tritonclient.grpc as triton
    import tritonclient.grpc.aio as aio

    tls: dict[str, Any] = {}
    if options.tls:
        tls = {
            "root_certificates": options.ca and str(options.ca),
            "private_key": options.key and str(options.key),
            "certificate_chain": options.certificate and str(options.certificate),
        }
    arguments = [
        ("grpc.max_send_message_length", _BIGGEST),
        ("grpc.max_receive_message_length", _BIGGEST),
        # Only during calls: a server ends connections that are asked too often when idle.
        ("grpc.keepalive_time_ms", int(options.keepalive * 1e3)),
        ("grpc.keepalive_timeout_ms", int(options.keepalive * 500)),
        ("grpc.keepalive_permit_without_calls", 0),
        # gRPC's own would wait up to two minutes before it tries a restarted server again.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
    ]
    client = aio.InferenceServerClient(address, ssl=options.tls, channel_args=arguments, **tls)
    return Transport(client, triton.InferInput, triton.InferRequestedOutput)


def _http(address: str, options: TritonOptions) -> Transport:
    import tritonclient.http.aio as aio

    context = None
    if options.tls:
        context = ssl.create_default_context(cafile=options.ca)
        if options.certificate and options.key:
            context.load_cert_chain(options.certificate, options.key)
    client = aio.InferenceServerClient(
        address, ssl=options.tls, ssl_context=context, conn_timeout=options.deadline
    )
    return Transport(client, aio.InferInput, aio.InferRequestedOutput)
