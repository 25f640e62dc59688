"""Webhooks: a provider reports that something happened to a transfer."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from services.payout.commands.attempts import store_webhook_event
from services.payout.domain.payouts import BadSignature, UnknownProvider
from services.payout.providers import Providers
from shared.http import AllParts, from_state, refusals
from shared.http.access import SIGNED

ProviderName = Annotated[
    str,
    Path(
        description="The provider, as the installation calls it in its payout_providers.toml.",
        examples=["sandbox"],
    ),
]

router = APIRouter(tags=["callbacks"])


@router.post(
    "/webhooks/{provider_name}/transfers",
    openapi_extra=SIGNED,
    responses=refusals(UnknownProvider, BadSignature),
)
async def receive_transfer_webhook(
    provider_name: ProviderName,
    request: Request,
    db: AllParts,
    providers: Annotated[Providers, from_state("providers")],
) -> dict[str, str]:
    """
    Take a webhook that its provider signed, once.

    It is stored and answered; what is true of the transfer is asked of the provider after.
    """
    provider = providers.get(provider_name)
    if provider is None:
        raise UnknownProvider
    event = await provider.parse_webhook(request.headers, await request.body())
    await store_webhook_event(db, provider.name, event)
    return {"status": "received"}
