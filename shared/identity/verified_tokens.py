"""Tokens whose signature was verified, so that a caller's next request does not pay for it."""

import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

# Enough for the callers of a few minutes; the oldest make room for new ones.
TOKENS_MAX = 4_096
# Longer tokens are verified each time: so many of them would take too much memory.
TOKEN_BYTES_MAX = 2_048
# A signature is verified again after this, also if the keys did not change.
KEPT_SECONDS_MAX = 300.0


class VerifiedTokens:
    """
    The claims of tokens by the digest of the token and its kind.

    Only the signature is not verified again: the verifier applies its rules to the claims at each
    use. It clears all of them when its keys change.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bytes], tuple[float, Mapping[str, Any]]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, kind: str, token: str) -> Mapping[str, Any] | None:
        """Return the claims of a token that was kept as one of this kind and is not too old."""
        key = kind, _digest(token)
        until, claims = self._kept.get(key, (0.0, None))
        if claims is not None and time.monotonic() >= until:
            del self._kept[key]
            return None
        return claims

    def keep(self, kind: str, token: str, claims: Mapping[str, Any], *, seconds: float) -> None:
        """Keep the claims of a token of this kind for so many seconds at most."""
        if len(token) > TOKEN_BYTES_MAX or seconds <= 0:
            return
        until = time.monotonic() + min(seconds, KEPT_SECONDS_MAX)
        self._kept[kind, _digest(token)] = until, claims
        if len(self._kept) > TOKENS_MAX:
            del self._kept[next(iter(self._kept))]

    def clear(self) -> None:
        """Forget all tokens: the keys that signed them may be trusted no more."""
        self._kept.clear()


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
