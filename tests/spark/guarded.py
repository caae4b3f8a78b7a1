"""A Spark Connect server behind TLS that wants a token, as hosted ones do: a proxy in front of Sail."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Guarded:
    """Passes the calls that have `token` on to the server at `target`, and refuses others with what they sent."""

    def __init__(self, target: str, token: str) -> None:
        self.token = token
        self.port = 0
        self.refused = 0
        self._far = grpc.insecure_channel(target)

    def service(self, asked: Any) -> Any:
        """Return the handler of a call: whatever its kind, messages stream in both directions."""
        far = self._far.stream_stream(asked.method)
        return grpc.stream_stream_rpc_method_handler(lambda requests, context: self._passed(far, requests, context))

    def _passed(self, far: Callable[..., Any], requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        sent = dict(context.invocation_metadata())
        if sent.get("authorization") != f"Bearer {self.token}":
            self.refused += 1
            context.abort(grpc.StatusCode.UNAUTHENTICATED, f"not accepted: {sent}")
        try:
            yield from far(requests)
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())


@contextmanager
def guarded(target: str, token: str, authority: Path) -> Iterator[Guarded]:
    """Run the proxy on loopback; a file at `authority` then has the certificate that a client must trust."""
    key, certificate = _certificate()
    authority.write_bytes(certificate)
    guard = Guarded(target, token)
    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[guard])
    guard.port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    server.start()
    try:
        yield guard
    finally:
        server.stop(None).wait()
        guard._far.close()


def _certificate() -> tuple[bytes, bytes]:
    """Return a key and a certificate for 127.0.0.1 that nobody but itself has signed, both as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "spark.test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private, certificate.public_bytes(pem)
