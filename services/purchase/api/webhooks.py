"""What payment providers tell us, unasked."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from services.purchase.api.purchases import inquire
from services.purchase.commands.inquiries import keep_notification
from services.purchase.domain.purchases import BadSignature, UnknownProvider
from services.purchase.providers import Provider
from shared.http import refusals
from shared.http.access import SIGNED
from shared.postgres.database import Database


class Received(BaseModel):
    """The notification is stored."""

    received: Literal[True] = True


def add_routes(router: APIRouter, database: Database, provider: Provider) -> None:
    @router.post(
        "/webhooks/{provider}/payments",
        openapi_extra=SIGNED,
        tags=["webhooks"],
        responses=refusals(BadSignature, UnknownProvider),
    )
    async def notify(name: Annotated[str, Path(alias="provider")], request: Request) -> Received:
        """
        Take a provider's notification, signed as https://www.standardwebhooks.com says.

        It is stored, and then the provider is asked what is true. A 200 says that it is stored:
        whatever the provider answers now, it need not be sent again.
        """
        if name != provider.name:
            raise UnknownProvider
        notification = provider.notification(request.headers, await request.body())
        async with database.transaction() as tx:
            inquiry = await keep_notification(tx, notification)
        if inquiry is not None:
            await inquire(database, provider, inquiry)
        return Received()
