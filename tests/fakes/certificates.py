"""Chains of certificates of our own: root, intermediate and leaf, as vendors sign with."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

# A fake's clock may be set years off.
_FROM = datetime(2020, 1, 1, tzinfo=UTC)
_UNTIL = datetime(2045, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)


@dataclass(frozen=True, slots=True)
class Chain:
    """What signs (`leaf`), and what makes it trusted."""

    root: Issued
    intermediate: Issued
    leaf: Issued


@lru_cache(maxsize=32)
def chain(
    owner: str,
    *,
    host: str | None = None,
    intermediate_oid: str | None = None,
    leaf_oid: str | None = None,
) -> Chain:
    """
    Make a chain, the same for the same owner.

    With a host the leaf has an RSA key and is for TLS servers; without it, an elliptic one. The
    OIDs are extensions that mark whose certificates they are.
    """
    root = _issue(f"{owner} Root", None, is_authority=True, marked=None)
    intermediate = _issue(f"{owner} Intermediate", root, is_authority=True, marked=intermediate_oid)
    leaf = _issue(f"{owner} Leaf", intermediate, is_authority=False, marked=leaf_oid, host=host)
    return Chain(root, intermediate, leaf)


def _issue(
    name: str,
    issuer: Issued | None,
    *,
    is_authority: bool,
    marked: str | None,
    host: str | None = None,
) -> Issued:
    key: Key = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if host
        else ec.generate_private_key(ec.SECP256R1())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host or name)])
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_usage(is_authority=is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    if host:
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(names, critical=False).add_extension(usage, critical=False)
    if marked:
        # The value is an ASN.1 NULL, as Apple's markers have it.
        marker = x509.UnrecognizedExtension(x509.ObjectIdentifier(marked), b"\x05\x00")
        builder = builder.add_extension(marker, critical=False)
    return Issued(builder.sign(signer, SHA256()), key)


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
