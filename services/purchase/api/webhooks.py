"""Webhook events of payment providers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from services.purchase.api.purchases import FromProviders, Polls
from services.purchase.domain.purchases import BadSignature, UnknownProvider
from shared.http import refusals
from shared.http.access import SIGNED

router = APIRouter()


class Received(BaseModel):
    """The webhook event is stored."""

    received: Literal[True] = True


@router.post(
    "/webhooks/{provider}/payments",
    name="notify",
    openapi_extra=SIGNED,
    tags=["webhooks"],
    responses=refusals(BadSignature, UnknownProvider),
)
async def receive_webhook(
    name: Annotated[str, Path(alias="provider")],
    request: Request,
    providers: FromProviders,
    polls: Polls,
) -> Received:
    """
    Take a provider's webhook event, signed as https://www.standardwebhooks.com says.

    It is stored, and then the provider is asked for the status of the payment. A 200 says that it
    is stored: it need not be sent again, also if the provider does not answer now.
    """
    if name not in providers:
        raise UnknownProvider
    event = providers[name].parse_webhook(request.headers, await request.body())
    await polls.receive(event)
    return Received()
