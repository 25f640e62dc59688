"""
Tokens for development: it signs every request, with a key of its own that it makes at its start.

In production this is the host application's part. `python -m deploy.harness.issuer` reads
ISSUER_PORT, ISSUER_URL (what it calls itself in `iss`) and ISSUER_KEY_FILE, where its key is kept.
"""

import json
import os
import time
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import BaseModel, ConfigDict, Field

from shared.identity.claims import SUBJECT_CHARACTERS_MAX
from shared.identity.tokens import TARGET_TYPE

AUDIENCE = "ovation"
# People are adults, unless their story says otherwise.
ADULT_YEARS = 30
# Accounts are old enough for all limits of purchases, unless their story says otherwise.
ACCOUNT_AGE_SECONDS = 365 * 86_400
KEY_BITS = 2048
TTL_SECONDS = 3_600
TTL_SECONDS_MAX = 86_400


class TokenRequest(BaseModel):
    """Who the token speaks for. Any other member becomes a claim as it is."""

    model_config = ConfigDict(extra="allow")

    sub: Annotated[str, Field(min_length=1, max_length=SUBJECT_CHARACTERS_MAX)]
    roles: list[str] = []
    scopes: list[str] = []
    country: str | None = None
    age_verified: int | None = None
    # Seconds after 1970; a year ago, if nothing is said.
    account_created_at: int | None = None
    # When the person signed in; now, if nothing is said.
    auth_time: int | None = None
    # Below zero makes an expired token, for trying out refusals.
    ttl_seconds: Annotated[int, Field(le=TTL_SECONDS_MAX)] = TTL_SECONDS


class TargetTokenRequest(BaseModel):
    """Who may be given to, and where. Any other member becomes a claim as it is."""

    model_config = ConfigDict(extra="allow")

    creators: Annotated[list[str], Field(min_length=1)]
    room: str | None = None
    ttl_seconds: Annotated[int, Field(le=TTL_SECONDS_MAX)] = TTL_SECONDS


class Token(BaseModel):
    access_token: str


class TargetToken(BaseModel):
    target_token: str


def build(issuer: str, key_file: Path | None = None) -> FastAPI:
    """Return the issuer's application, with a key of its own, or the one that is kept."""
    app = FastAPI(title="Ovation development issuer", docs_url=None, redoc_url=None)
    key = _kept_key(key_file) if key_file else _new_key()

    @app.get("/.well-known/jwks.json")
    async def keys() -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False)]}

    @app.post("/token")
    async def token(wanted: TokenRequest) -> Token:
        header = {"alg": "RS256", "kid": key.kid}
        return Token(access_token=jwt.encode(header, claims(wanted, issuer), key))

    @app.post("/target-token")
    async def target_token(wanted: TargetTokenRequest) -> TargetToken:
        header = {"alg": "RS256", "kid": key.kid, "typ": TARGET_TYPE}
        said = wanted.model_dump(exclude={"ttl_seconds"}, exclude_none=True)
        issued = _issued(issuer, wanted.ttl_seconds)
        return TargetToken(target_token=jwt.encode(header, {**said, **issued}, key))

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app


def _new_key() -> RSAKey:
    return RSAKey.generate_key(KEY_BITS, parameters={"use": "sig", "alg": "RS256"}, auto_kid=True)


def _kept_key(file: Path) -> RSAKey:
    """Return the key of a file; the first time it is made, for this user alone."""
    if not file.exists():
        made = file.with_name(f".{file.name}")
        made.unlink(missing_ok=True)
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as text:
            json.dump(_new_key().as_dict(private=True), text)
        made.replace(file)
    return RSAKey.import_key(json.loads(file.read_text()))


def claims(wanted: TokenRequest, issuer: str) -> dict[str, Any]:
    """Return what the token says."""
    said = wanted.model_dump(exclude={"scopes", "ttl_seconds"}, exclude_none=True)
    issued = _issued(issuer, wanted.ttl_seconds)
    said.setdefault("account_created_at", issued["iat"] - ACCOUNT_AGE_SECONDS)
    said.setdefault("auth_time", issued["iat"])
    return {"scope": " ".join(wanted.scopes), **said, **issued}


def _key_file() -> Path | None:
    named = os.environ.get("ISSUER_KEY_FILE")
    return Path(named) if named else None


def _issued(issuer: str, ttl_seconds: int) -> dict[str, Any]:
    now = int(time.time())
    return {"iss": issuer, "aud": AUDIENCE, "iat": now, "exp": now + ttl_seconds}


if __name__ == "__main__":
    uvicorn.run(
        build(os.environ["ISSUER_URL"], _key_file()),
        host=os.environ.get("ISSUER_HOST", "127.0.0.1"),
        port=int(os.environ["ISSUER_PORT"]),
        access_log=False,
        log_level="warning",
    )
