"""Webhook events of payment providers."""

from asyncio import gather
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request

from services.purchase.api.purchases import FromProviders, Polls
from services.purchase.commands.webhook_archive import encrypt_webhook
from services.purchase.domain.purchases import (
    BadSignature,
    UnknownProvider,
    with_usable_names,
)
from services.purchase.domain.webhook_archive import RawWebhook, keep_headers
from shared.http import from_state, refusals
from shared.http.access import SIGNED
from shared.http.bodies import Body
from shared.keyring import Keyring

FromKeys = Annotated[Keyring | None, from_state("webhook_keys")]

router = APIRouter(tags=["callbacks"])


class Received(Body):
    """The webhook event is stored."""

    received: Literal[True] = True
    """The webhook event is stored, so it need not be sent again."""


@router.post(
    "/webhooks/{provider}/payments",
    openapi_extra=SIGNED,
    responses=refusals(BadSignature, UnknownProvider),
)
async def receive_payment_webhook(
    name: Annotated[
        str,
        Path(
            alias="provider",
            description="The provider, as the installation calls it in its providers.toml.",
            examples=["stripe"],
        ),
    ],
    request: Request,
    providers: FromProviders,
    polls: Polls,
    keys: FromKeys,
) -> Received:
    """
    Take a provider's webhook event, which the provider has signed in its own way.

    It is stored, and then the provider is asked for the status of the payment. A 200 says that it
    is stored: it need not be sent again, also if the provider does not answer now.
    """
    if name not in providers:
        raise UnknownProvider
    provider, body = providers[name], await request.body()
    events = [*map(with_usable_names, await provider.parse_webhook(request.headers, body))]
    raw = RawWebhook(keep_headers(request.headers, provider.webhook_headers), body)
    archived = [encrypt_webhook(keys, event, raw) if keys else None for event in events]
    await gather(*map(polls.receive, events, archived))
    return Received()
