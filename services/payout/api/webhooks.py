"""The provider says that something happened to a transfer."""

from fastapi import APIRouter, Request

from services.payout.commands import following
from services.payout.domain.payouts import BadSignature, UnknownProvider
from services.payout.providers import Provider
from shared.http import refusals
from shared.http.access import SIGNED
from shared.postgres.database import Database


def build_router(database: Database, provider: Provider) -> APIRouter:
    router = APIRouter(tags=["webhooks"])

    @router.post(
        "/webhooks/{provider_name}/transfers",
        openapi_extra=SIGNED,
        responses=refusals(UnknownProvider, BadSignature),
    )
    async def receive(provider_name: str, request: Request) -> dict[str, str]:
        """
        Take a signed webhook (https://www.standardwebhooks.com), once.

        It is stored and answered; what is true of the transfer is asked of the provider after.
        """
        if provider_name != provider.name:
            raise UnknownProvider
        notification = provider.notification(request.headers, await request.body())
        async with database.transaction() as tx:
            await following.notified(tx, provider.name, notification)
        return {"status": "received"}

    return router
