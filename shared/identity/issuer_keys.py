"""
The keys an issuer publishes: which of them are used, and which of them may have signed a token.

https://www.rfc-editor.org/rfc/rfc7517: keys of different types may have one name, and a key or a
token may have none.
"""

import warnings
from contextlib import suppress

import structlog
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError, SecurityWarning
from joserfc.jwk import ECKey, GuestProtocol, Key, KeySet, OKPKey, RSAKey, import_key
from joserfc.jws import JWSRegistry

log = structlog.get_logger()

RSA_BITS_MIN = 2_048
# Of one name, or tried for a token that names none: a token must not cost us a hundred checks.
KEYS_TRIED_MAX = 8
# Public keys alone, so that no published key can sign. What a key of a type, or
# on a curve, can sign with. EdDSA is what most issuers call Ed25519, the only curve of it here:
# https://www.rfc-editor.org/rfc/rfc9864.
_SIGNS = {
    "RSA": ("RS256", "PS256"),
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "Ed25519": ("Ed25519", "EdDSA"),
}
ALGORITHMS = [algorithm for algorithms in _SIGNS.values() for algorithm in algorithms]

# joserfc warns of the name, once a process. What it warns of is Ed448, which is not in the table.
warnings.filterwarnings("ignore", "EdDSA is deprecated", category=SecurityWarning)


class NoKeys(ValueError):
    """A set of keys without one that can be used: the issuer has withdrawn those before."""


def usable_keys(document: object) -> KeySet:
    """Import what can sign for us; one key we do not understand must not cost us the others."""
    published = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(published, list):
        raise ValueError("the issuer answers with something that is no set of keys")  # noqa: TRY004
    keys = []
    for key in published:
        try:
            if key["kty"] in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig":
                keys.append(_strong(import_key(key)))
        except (JoseError, ValueError, TypeError, LookupError, AttributeError) as error:
            log.warning("keys.one_unusable", error=repr(error)[:200])
    if not keys:
        raise NoKeys("the issuer publishes no key that we can use")
    return KeySet(keys)


def decode(token: str, keys: KeySet, registry: JWSRegistry, algorithms: list[str]) -> jwt.Token:
    """
    Check a token with each key that may have signed it; raise what joserfc does if none did.

    A token that names no key, and that none signed, may be signed with one we do not have yet.
    """
    fitting: list[Key] = []
    names_a_key = True

    def first(asked: GuestProtocol) -> Key:
        nonlocal names_a_key
        names_a_key = asked.headers().get("kid") is not None
        fitting.extend(_fitting(keys, asked))
        if not fitting:
            raise InvalidKeyIdError("no key of this name")
        return fitting[0]

    with suppress(BadSignatureError):
        return jwt.decode(token, first, algorithms=algorithms, registry=registry)
    for key in fitting[1:]:
        with suppress(BadSignatureError):
            return jwt.decode(token, key, algorithms=algorithms, registry=registry)
    raise BadSignatureError if names_a_key else InvalidKeyIdError("no key of any name")


def _fitting(keys: KeySet, asked: GuestProtocol) -> list[Key]:
    """Return the keys of the name and the type that a token asks for; of any name without one."""
    named, algorithm = asked.headers().get("kid"), asked.headers().get("alg")
    found = [key for key in keys.keys if named is None or key.kid == named]
    return [key for key in found if _signs(key, algorithm)][:KEYS_TRIED_MAX]


def _signs(key: Key, algorithm: object) -> bool:
    """Whether a key is for an algorithm, by its type and by what it says."""
    kind = key.curve_name if isinstance(key, ECKey | OKPKey) else key.key_type
    return algorithm in _SIGNS.get(kind, ()) and key.get("alg", algorithm) == algorithm


def _strong(key: Key) -> Key:
    """Refuse a key with its private part, or one that is too weak."""
    if key.is_private:
        raise ValueError("a key that is published with its private part signs for everybody")
    # RFC 7518, section 3.3, wants 2,048 bits.
    if isinstance(key, RSAKey) and key.public_key.key_size < RSA_BITS_MIN:
        raise ValueError(f"an RSA key of {key.public_key.key_size} bits")
    if isinstance(key, ECKey | OKPKey) and key.curve_name not in _SIGNS:
        raise ValueError(f"a key on the curve {key.curve_name}")
    return key
