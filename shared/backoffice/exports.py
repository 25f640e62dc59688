"""
What a service knows of a person, for that person: every row, one line of JSON each.

https://jsonlines.org: it is written while it is read, so that its length does not matter.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from shared.http import Db, refusals
from shared.http.auth import Caller
from shared.identity.tokens import Unauthenticated
from shared.ledger.recall import recall_oldest_first
from shared.postgres.database import Part, Transaction
from shared.postgres.statements import Statement
from shared.quotas import store as quotas
from shared.quotas.rules import DAY, Quota, TooOften

EXPORTS = Quota("exports", 10, DAY)
JSON_LINES = "application/jsonl"
# An export holds a connection of the service until its reader has all of it.
EXPORT_SECONDS_MAX = 120
AT_ONCE_MAX = 2


def add_export(router: APIRouter, service: str, exported: Mapping[str, Statement]) -> None:
    """
    Add the route by which people read what a service knows of them.

    `exported` is by kind; each statement takes a `user`, and returns rows as JSON in `row`.
    """
    turns = asyncio.Semaphore(AT_ONCE_MAX)

    async def export(caller: Caller, db: Db) -> StreamingResponse:
        async with db.transaction() as tx:
            await quotas.use(tx, caller.user, EXPORTS)
        headers = {
            "Cache-Control": "private, no-store",
            "Content-Disposition": f'attachment; filename="{service}.jsonl"',
        }
        lines = _lines(db, caller.user, exported, turns)
        return StreamingResponse(lines, media_type=JSON_LINES, headers=headers)

    export.__doc__ = f"Read all that {service} knows of oneself: a line of JSON for each row."
    router.add_api_route(
        f"/me/export/{service}",
        export,
        tags=["privacy"],
        name=f"export_{service}_data",
        response_class=StreamingResponse,
        responses={
            200: {"content": {JSON_LINES: {}}, "description": '`{"kind": "gifts", "row": {...}}`'},
            **refusals(Unauthenticated, TooOften),
        },
    )


async def _lines(
    part: Part, user: str, exported: Mapping[str, Statement], turns: asyncio.Semaphore
) -> AsyncIterator[bytes]:
    async with turns, asyncio.timeout(EXPORT_SECONDS_MAX), part.snapshot() as tx:
        for kind, statement in exported.items():
            async for found in _rows(tx, statement, user):
                yield f'{{"kind":"{kind}","row":{found}}}\n'.encode()


async def _rows(tx: Transaction, statement: Statement, user: str) -> AsyncIterator[str]:
    """Yield the rows of a kind; those with a parameter `archived` come from archives."""
    if "archived" in statement.names:
        async for rows in recall_oldest_first(tx, user):
            for found in await tx.execute(statement, {"archived": rows}):
                yield found.row
    else:
        async for found in tx.stream(statement, {"user": user}):
            yield found.row
