"""
PayPal's signature on a webhook: who signed it, when, and that not a byte was changed.

It is RSA with SHA-256 over `id|time|webhook id|CRC-32 of the body`
(https://developer.paypal.com/api/rest/webhooks/rest/). The certificate is at an address that comes
with the webhook, so from a stranger: only PayPal's own addresses are asked, and not often.
"""

import base64
import binascii
import time
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from shared.http.provider_client import ProviderClient, ProviderUnavailable
from shared.secrets import values_of

SIGNATURE_AGE_MAX: Final = timedelta(minutes=5)
ALGORITHM: Final = "SHA256withRSA"
CERTIFICATES_PATH: Final = "/v1/notifications/certs/"
HOST: Final = "paypal.com"
SIGNATURE_HEADERS: Final = (
    "paypal-auth-algo",
    "paypal-cert-url",
    "paypal-transmission-id",
    "paypal-transmission-sig",
    "paypal-transmission-time",
)
CERTIFICATES_MAX: Final = 16
# New certificates that are asked for in this time: PayPal has a new one every few months.
ASKED_MAX: Final = 10
ASKED_SECONDS: Final = 60.0


class WebhookVerifier:
    """
    Verifies the webhooks of one webhook id, and of the one before it (`shared.secrets`).

    `url` is where a fake listens: its certificate is taken too, and nothing else is.
    """

    def __init__(self, webhook_id: str, *, url: str | None = None) -> None:
        self._webhook_ids = values_of(webhook_id)
        self._url = url
        self._certificates: dict[str, x509.Certificate] = {}
        self._asked: list[float] = []
        self._client = ProviderClient(url="", answer_seconds_max=3.0, connections_max=4)

    async def is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        """
        Return whether PayPal signed exactly this within the last minutes.

        Raise `ProviderUnavailable` if its certificate cannot be had: PayPal sends it again.
        """
        signed_at = headers.get("paypal-transmission-time", "")
        if headers.get("paypal-auth-algo") != ALGORITHM or not _is_recent(signed_at):
            return False
        try:
            signature = base64.b64decode(headers.get("paypal-transmission-sig", ""), validate=True)
        except binascii.Error:
            return False
        address = headers.get("paypal-cert-url", "")
        if not self.is_trusted(address):
            return False
        certificate = await self._certificate_at(address)
        if not self._is_valid(certificate):
            return False
        key = certificate.public_key()
        assert isinstance(key, RSAPublicKey)
        transmission, checksum = headers.get("paypal-transmission-id", ""), zlib.crc32(body)
        return any(
            _verifies(key, signature, f"{transmission}|{signed_at}|{webhook_id}|{checksum}")
            for webhook_id in self._webhook_ids
        )

    def is_trusted(self, address: str) -> bool:
        """Return whether a certificate may be asked for at an address."""
        if len(address) > 500 or not address.isascii():
            return False
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError:
            return False
        if not parts.path.startswith(CERTIFICATES_PATH) or ".." in parts.path or parts.query:
            return False
        if self._url is not None:
            return f"{parts.scheme}://{parts.netloc}" == self._url.rstrip("/")
        host = parts.hostname or ""
        is_plain = parts.netloc == host and port is None
        return parts.scheme == "https" and is_plain and host.endswith(f".{HOST}")

    async def close(self) -> None:
        await self._client.close()

    async def _certificate_at(self, address: str) -> x509.Certificate:
        if (known := self._certificates.get(address)) is not None:
            return known
        now = time.monotonic()
        self._asked = [each for each in self._asked if now - each < ASKED_SECONDS]
        if len(self._asked) >= ASKED_MAX:
            raise ProviderUnavailable("too many certificates are named in webhooks")
        self._asked.append(now)
        answer = await self._client.request("GET", address)
        if answer.status != 200:
            raise ProviderUnavailable(f"{address} answered {answer.status}")
        try:
            certificate = x509.load_pem_x509_certificates(answer.content)[0]
            is_usable = isinstance(certificate.public_key(), RSAPublicKey)
        except ValueError as error:
            raise ProviderUnavailable(f"{address} is no certificate") from error
        if not is_usable:
            raise ProviderUnavailable(f"{address} is no certificate of an RSA key")
        if len(self._certificates) >= CERTIFICATES_MAX:
            self._certificates.clear()
        self._certificates[address] = certificate
        return certificate

    def _is_valid(self, certificate: x509.Certificate) -> bool:
        """Whether it is PayPal's, in its time. Over TLS its own host vouches for the rest."""
        now = datetime.now(UTC)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return False
        try:
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except x509.ExtensionNotFound:
            hosts = [
                str(each.value)
                for each in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
            ]
        else:
            hosts = names.value.get_values_for_type(x509.DNSName)
        return any(host == HOST or host.endswith(f".{HOST}") for host in hosts)


def _verifies(key: RSAPublicKey, signature: bytes, signed: str) -> bool:
    try:
        key.verify(signature, signed.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _is_recent(written: str) -> bool:
    try:
        signed_at = datetime.fromisoformat(written)
    except ValueError:
        return False
    if signed_at.tzinfo is None:
        return False
    return abs(datetime.now(UTC) - signed_at) <= SIGNATURE_AGE_MAX
