"""Issuers of tokens: whether the keys that they publish can be read and used."""

import json
import os
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

from pydantic import ValidationError

from deploy.ctl.doctor.findings import Examined, Problem, State
from deploy.ctl.tokens import InstallationTokens
from shared.identity.issuer_documents import fetch
from shared.identity.issuer_keys import usable_keys
from shared.identity.issuers import Issuer


def issuers() -> Sequence[Issuer]:
    """Return the issuers that the environment names; none if it names none, or not well."""
    if "OVATION_JWKS_URL" not in os.environ:
        return ()
    try:
        return InstallationTokens().issuers
    except ValidationError:
        return ()


async def look(_: Examined) -> AsyncIterator[Problem]:
    """Read the keys of each issuer, as a service does when it starts."""
    if "OVATION_JWKS_URL" not in os.environ:
        missing = "OVATION_JWKS_URL is not set here, so no keys were read"
        yield Problem("", missing, "Set it as the services have it", State.UNKNOWN)
        return
    try:
        InstallationTokens()
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            yield Problem("OVATION_JWT_...", str(each["msg"]))
        return
    for issuer in issuers():
        if not issuer.jwks_url:
            continue
        try:
            usable_keys(json.loads(await fetch(issuer.jwks_url)))
        except (OSError, ValueError) as error:
            where = urlsplit(issuer.jwks_url).netloc
            yield Problem(where, f"no usable key at {issuer.jwks_url}: {error or repr(error)}")
