"""The keys of an issuer, and the algorithms that its tokens may be signed with."""

import warnings

import structlog
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey, import_key

log = structlog.get_logger()

# Public keys alone, so that no key that everybody may read signs anything; each curve belongs to
# one of them. EdDSA is what most issuers still call Ed25519: https://www.rfc-editor.org/rfc/rfc9864.
ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA"]
RSA_BITS_MIN = 2_048
CURVES = ("P-256", "P-384", "Ed25519")

# Our library warns of the name, once a process. What it warns of is Ed448, which is not in CURVES.
warnings.filterwarnings("ignore", "EdDSA is deprecated", category=SecurityWarning)


def usable_keys(document: object) -> KeySet:
    """Import what can sign for us; one key we do not understand must not cost us the others."""
    published = document.get("keys") if isinstance(document, dict) else None
    keys = []
    for key in published if isinstance(published, list) else []:
        try:
            if key["kty"] in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig":
                keys.append(_strong(import_key(key)))
        except (JoseError, ValueError, TypeError, LookupError, AttributeError) as error:
            log.warning("keys.one_unusable", error=repr(error)[:200])
    if not keys:
        raise ValueError("the issuer publishes no key that we can use")
    return KeySet(keys)


def _strong(key: Key) -> Key:
    """Refuse a key that can be broken: RFC 7518, section 3.3, wants 2,048 bits of RSA."""
    if isinstance(key, RSAKey) and key.public_key.key_size < RSA_BITS_MIN:
        raise ValueError(f"an RSA key of {key.public_key.key_size} bits")
    if isinstance(key, ECKey | OKPKey) and key.curve_name not in CURVES:
        raise ValueError(f"a key on the curve {key.curve_name}")
    return key
