"""How Google and we know each other: a service account's tokens, and the signature of a push."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from services.purchase.domain.purchases import BadSignature
from services.purchase.providers import ProviderUnavailable
from services.purchase.providers.google_answers import AccessToken
from shared.http.provider_client import ProviderClient, read_answer
from shared.identity.issuer_keys import usable_keys

log = structlog.get_logger()

SCOPE = "https://www.googleapis.com/auth/androidpublisher"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ISSUERS = ("https://accounts.google.com", "accounts.google.com")
TOKEN_SECONDS = 3_600
# An access token is renewed this long before it ends; clocks may differ by as much.
LEEWAY_SECONDS = 60
KEYS_SECONDS_MAX = 3_600
# A stranger's token names any key: it makes us ask for the keys this often, and not more.
KEYS_SECONDS_MIN = 60
TOKEN_CHARACTERS_MAX = 8_192


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A service account's key file, as far as we need it."""

    email: str
    private_key: str
    token_url: str

    @classmethod
    def read(cls, text: str) -> "ServiceAccount":
        """Read a key file; where the one before it stands below it, the first counts."""
        listed, _ = json.JSONDecoder().raw_decode(text.strip())
        return cls(listed["client_email"], listed["private_key"], listed["token_uri"])


class AccessTokens:
    """The access token of a service account, renewed before it ends."""

    def __init__(
        self,
        account: ServiceAccount,
        client: ProviderClient,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._account = account
        self._client = client
        self._clock = clock
        self._key = RSAKey.import_key(account.private_key)
        self._token, self._ends_at = "", 0.0
        self._lock = asyncio.Lock()

    async def headers(self) -> Mapping[str, str]:
        """Return what a request is authorised by."""
        async with self._lock:
            if time.monotonic() >= self._ends_at:
                asked_at = time.monotonic()
                answer = await self._client.request(
                    "POST", "", form={"grant_type": GRANT, "assertion": self._assertion()}
                )
                token = read_answer(AccessToken, answer)
                self._token = token.access_token
                self._ends_at = asked_at + token.expires_in - LEEWAY_SECONDS
        return {"Authorization": f"Bearer {self._token}"}

    def forget(self) -> None:
        """Forget the token: it was refused."""
        self._ends_at = 0.0

    async def close(self) -> None:
        await self._client.close()

    def _assertion(self) -> str:
        now = int(self._clock())
        claims = {
            "iss": self._account.email,
            "scope": SCOPE,
            "aud": self._account.token_url,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        }
        return jwt.encode({"alg": "RS256"}, claims, self._key)


class PushVerifier:
    """
    Whether a push comes from our own subscription: Google's signature alone does not say so.

    Anybody with a Google account can have a genuine token for our audience, so its account counts.
    """

    def __init__(
        self,
        *,
        audience: str,
        account: str,
        client: ProviderClient,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._audience = audience
        self._account = account
        self._client = client
        self._clock = clock
        self._keys = KeySet([])
        self._read_at = float("-inf")

    async def require(self, headers: Mapping[str, str]) -> None:
        """Raise `BadSignature` unless Google signed a token of our subscription's account."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not 0 < len(token) <= TOKEN_CHARACTERS_MAX:
            raise BadSignature
        claims = await self._claims(token)
        issued, ends, now = claims.get("iat"), claims.get("exp"), self._clock()
        is_ours = (
            claims.get("iss") in ISSUERS
            and claims.get("aud") == self._audience
            and claims.get("email") == self._account
            and claims.get("email_verified") is True
            and isinstance(issued, int)
            and isinstance(ends, int)
            and issued - LEEWAY_SECONDS <= now <= ends + LEEWAY_SECONDS
        )
        if not is_ours:
            log.warning("push.refused", email=str(claims.get("email"))[:100])
            raise BadSignature

    async def close(self) -> None:
        await self._client.close()

    async def _claims(self, token: str) -> Mapping[str, object]:
        await self._read_keys(KEYS_SECONDS_MAX)
        try:
            return jwt.decode(token, self._keys, ["RS256"]).claims
        except (JoseError, ValueError):
            # Signed by a new key, perhaps.
            await self._read_keys(KEYS_SECONDS_MIN)
        try:
            return jwt.decode(token, self._keys, ["RS256"]).claims
        except (JoseError, ValueError):
            raise BadSignature from None

    async def _read_keys(self, seconds_max: float) -> None:
        """Read Google's keys, unless we have those of so many seconds ago."""
        now = time.monotonic()
        if now - self._read_at < seconds_max:
            return
        answer = await self._client.request("GET", "")
        try:
            keys = usable_keys(json.loads(answer.content))
        except ValueError as error:
            raise ProviderUnavailable(f"no keys: {error}"[:200]) from error
        self._keys, self._read_at = keys, now
