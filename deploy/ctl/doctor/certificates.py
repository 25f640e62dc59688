"""Certificates of TLS: whether each is trusted, is of its host, and how long it is good."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

from cryptography import x509

from deploy.ctl.doctor.addresses import CONNECT_SECONDS_MAX, Address, addresses
from deploy.ctl.doctor.findings import Examined, Problem

SOON = timedelta(days=30)
# How PostgreSQL is asked whether it speaks TLS, and how it says that it does.
SSL_REQUEST, YES = b"\x00\x00\x00\x08\x04\xd2\x16/", b"S"


async def look(examined: Examined) -> AsyncIterator[Problem]:
    """Look at each server that speaks TLS, with the authorities that this machine trusts."""
    for address in addresses(examined):
        if address.speaks:
            for problem in await asyncio.to_thread(_problems_of, address):
                yield Problem(address.place, problem)


def _problems_of(
    address: Address, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> list[str]:
    try:
        certificate, distrust = _certificate_of(address)
    except OSError:
        # Of a port that does not answer another check speaks.
        return []
    if certificate is None:
        return []
    problems = [] if distrust is None else [f"its certificate is not trusted: {distrust}"]
    left = certificate.not_valid_after_utc - now()
    day = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    if left < timedelta(0):
        problems.append(f"its certificate ended on {day}")
    elif left < SOON:
        problems.append(f"its certificate ends on {day}, in {left.days} days")
    return problems


def _certificate_of(address: Address) -> tuple[x509.Certificate | None, str | None]:
    """Return a server's certificate, or None without TLS, and why it is not trusted."""
    distrust = None
    try:
        if _handshake(address, ssl.create_default_context()) is None:
            return None, None
    except ssl.SSLCertVerificationError as error:
        distrust = error.verify_message
    # What an untrusted server shows is looked at too, and nothing is said to it.
    anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anything.check_hostname = False
    anything.verify_mode = ssl.CERT_NONE
    encoded = _handshake(address, anything)
    return (x509.load_der_x509_certificate(encoded) if encoded else None), distrust


def _handshake(address: Address, context: ssl.SSLContext) -> bytes | None:
    place = (address.host, address.port)
    with socket.create_connection(place, timeout=CONNECT_SECONDS_MAX) as opened:
        if address.speaks == "postgres":
            opened.sendall(SSL_REQUEST)
            if opened.recv(1) != YES:
                return None
        with context.wrap_socket(opened, server_hostname=address.host) as secured:
            return secured.getpeercert(binary_form=True)
