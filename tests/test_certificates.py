"""What a connection under TLS says of itself, also when its certificate is not accepted."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme

from togetherpy._transport.certificates import look_at_refused, secured

NOW = datetime.now(UTC)
YEAR = timedelta(days=365)


def talk(certificate: trustme.LeafCert, context: ssl.SSLContext, name: str = "lake.example") -> ssl.SSLSocket:
    """A handshake over a pair of sockets; raises what the client's side raises."""
    ours, theirs = socket.socketpair()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(server)

    def serve() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        return context.wrap_socket(ours, server_hostname=name)
    finally:
        thread.join(20)
        ours.close()


def looked_at(certificate: trustme.LeafCert) -> Any:
    def peer_certificate(context: ssl.SSLContext, binary: bool) -> Any:
        with talk(certificate, context) as sock:
            return sock.getpeercert(binary)

    return look_at_refused(peer_certificate)


def test_an_accepted_one() -> None:
    authority, context = trustme.CA(organization_name="Trust"), ssl.create_default_context()
    authority.configure_trust(context)
    with talk(authority.issue_cert("lake.example", "sea.example", common_name="Lake"), context) as sock:
        found = secured(sock)
    assert found is not None
    assert found.version.startswith("TLSv1.")
    assert found.cipher
    assert found.certificate is not None
    assert found.certificate.names == ("lake.example", "sea.example")
    assert (found.certificate.subject, "Trust" in found.certificate.issuer) == ("Lake", True)


def test_without_tls_there_is_nothing_to_say() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert secured(ours) is None


@pytest.mark.parametrize("after", [-YEAR, 0 * YEAR, YEAR])
def test_one_of_a_stranger_whenever_it_is_good(after: timedelta) -> None:
    begin, end = NOW + after - timedelta(days=9), NOW + after - timedelta(days=1)
    found = looked_at(trustme.CA().issue_cert("lake.example", not_before=begin, not_after=end))
    assert found.names == ("lake.example",)
    assert (found.not_before, found.not_after) == (int(begin.timestamp()), int(end.timestamp()))


def test_one_that_cannot_be_had() -> None:
    def peer_certificate(context: ssl.SSLContext, binary: bool) -> Any:
        raise ConnectionRefusedError

    assert look_at_refused(peer_certificate) is None
