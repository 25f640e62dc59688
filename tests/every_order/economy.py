"""
Wallet, gift and payout with their real handlers and databases, for thousands of viewers at once.

A viewer and the creators of their gifts are one world; worlds never meet. What happens in all
worlds at the same step is one batch for each service, so a fact costs well below a millisecond.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import UUID

import asyncpg

from deploy.config.databases import database_sql, quoted, run_sql
from deploy.harness.issuer import ADULT_YEARS
from services.gift import consumers as gift_consumers
from services.gift.commands.catalogue import CatalogueCache
from services.gift.commands.requests import GiftRequest, request_gifts
from services.gift.domain.gifts import GiftDetails
from services.gift.main import read_catalogue
from services.payout import consumers as payout_consumers
from services.payout.commands import attempts as payout_attempts
from services.payout.commands import maturity, payees, payouts, quotes, reviews, transfers
from services.payout.commands.payouts import PayoutOrder
from services.payout.domain.payouts import ProviderStatus
from services.payout.domain.rate_plans import STANDARD_PLAN, PlanVersion, Rate
from services.payout.main import read_rules as read_payout_rules
from services.payout.store import attempts
from services.payout.store.invariants import INVARIANTS as PAYOUT_INVARIANTS
from services.wallet import consumers as wallet_consumers
from services.wallet.main import read_rules as read_wallet_rules
from services.wallet.settings import Settings as WalletSettings
from services.wallet.store.invariants import INVARIANTS as WALLET_INVARIANTS
from shared.contracts.routes import BY_TYPE, QUEUES
from shared.errors import Refusal
from shared.ledger.verification import Violation, verify_ledger
from shared.messaging.delivery import Delivery
from shared.messaging.outbox_rows import headers_of
from shared.postgres.database import Database, Row
from shared.postgres.statements import text
from tests.deliveries import a_broker
from tests.every_order.messages import id_of
from tests.every_order.parts import SHARED
from tests.payees import a_payee_request

SERVICES = ("wallet", "gift", "payout")
RULES_FILE = Path("seeds/rules.toml")
RATES_FILE = Path("seeds/rates.toml")
GIFTS_FILE = Path("seeds/gifts.toml")
# Longer than any hold.
LATER = timedelta(days=60)
BATCH = 400
# What stays when everything that happened is forgotten.
KEPT = ("alembic_version", "catalogue", "gift_types", "prices")
CONCURRENT_PAYOUTS = 8
SHARE = text("""
    INSERT INTO splits (creator, effective_from, parties, shares_bp, recorded_at)
    VALUES (:creator, now() - interval '50 days', :parties, :shares_bp, now() - interval '60 days')
""")
TAKE = text("DELETE FROM outbox RETURNING id, message_id, routing_key, headers, body")


class Economy:
    """Three services on databases of their own, without a broker."""

    def __init__(self, postgres: Any, databases: dict[str, Database]) -> None:
        self._postgres, self._databases = postgres, databases
        self.catalogue = read_catalogue(GIFTS_FILE)
        # Every diamond is a cent, and one is enough for a payout.
        rules = read_payout_rules(RULES_FILE, RATES_FILE)
        a_cent = PlanVersion(STANDARD_PLAN, datetime(2026, 1, 1, tzinfo=UTC), Rate(1, "USD", 1_000))
        rates = replace(rules.rates, plans={STANDARD_PLAN: (a_cent,)})
        self.payout_rules = replace(rules, minimum_diamonds=1, rates=rates)
        names = (
            *("database_url", "database_password", "broker_url", "broker_password"),
            *("jwt_issuer", "jwt_audience", "jwks_url"),
        )
        unused: dict[str, Any] = dict.fromkeys(names, "unused")
        settings = WalletSettings(port=1, **unused, rules_file=RULES_FILE)
        rules_of_wallet = read_wallet_rules(RULES_FILE)
        catalogue_cache = CatalogueCache(databases["gift"], self.catalogue)
        consumers = [
            *wallet_consumers.build(
                settings, rules_of_wallet, databases["wallet"], a_broker("wallet")
            ),
            *gift_consumers.build(
                databases["gift"],
                a_broker("gift"),
                catalogue_cache=catalogue_cache,
                resolve=lambda _: None,
            ),
            *payout_consumers.build(databases["payout"], a_broker("payout"), self.payout_rules),
        ]
        self._consumers = {consumer.queue: consumer for consumer in consumers}

    async def share(self, worlds: Sequence[Callable[[str], str]]) -> None:
        """Let creators have shared their gifts for long; each world names them in its own way."""
        splits = [(named, *each) for named in worlds for each in SHARED.items()]
        async with self._databases["payout"].transaction() as tx:
            for named, creator, shares in splits:
                about = {
                    "creator": named(creator),
                    "parties": [named(party) for party, _ in shares],
                    "shares_bp": [share_bp for _, share_bp in shares],
                }
                await tx.execute(SHARE, about)

    async def hear(self, queue: str, deliveries: Sequence[Delivery]) -> None:
        """Bring messages to a queue, in this order; what was heard before is heard again."""
        service = queue.partition(".")[0]
        types = {event.type() for event in QUEUES[queue]}
        mine = [delivery for delivery in deliveries if delivery.type in types]
        for start in range(0, len(mine), BATCH):
            await self._run(service, "DELETE FROM inbox")
            await self._consumers[queue].receive(mine[start : start + BATCH])

    async def take(self, service: str) -> list[Delivery]:
        """Take what a service announced, each message once, in its order; dead letters as well."""
        async with self._databases[service].transaction() as tx:
            rows = await tx.execute(TAKE)
        first: dict[UUID, Row] = {}
        for row in sorted(rows, key=lambda row: row["id"]):
            first.setdefault(row["message_id"], row)
        return [_delivery(row) for row in first.values()]

    async def ask_for_gifts(self, asked: Sequence[tuple[str, str, str, int]]) -> dict[Any, Any]:
        """Ask for gifts of (key, viewer, creator, coins); return the ids by (viewer, key)."""
        requests = [
            GiftRequest(
                self._wish(viewer, creator, coins),
                *(key, b"same", "story", ADULT_YEARS),
                # Not a random one: a world that is played again is the same world.
                gift=id_of(viewer, key),
            )
            for key, viewer, creator, coins in asked
        ]
        async with self._databases["gift"].transaction() as tx:
            await request_gifts(tx, requests, self.catalogue, anybody_may_receive=True)
        return {request.key: request.gift for request in requests}

    async def let_time_pass(self) -> None:
        """Let everything mature that waits now, in all worlds."""
        later = datetime.now(UTC) + LATER
        while await self._in(
            "payout", lambda tx: maturity.mature(tx, self.payout_rules, now=later)
        ):
            pass

    async def cash_out(self, creators: Sequence[str]) -> None:
        """Let creators take out all they can, and the provider pay it."""
        slots = asyncio.Semaphore(CONCURRENT_PAYOUTS)

        async def one(creator: str) -> None:
            async with slots:
                await self._cash_out(creator)

        await asyncio.gather(*(one(creator) for creator in creators))
        while await self._in("payout", payout_attempts.open_attempts):
            pass
        while due := await self._in("payout", lambda tx: attempts.claim_due(tx, 50)):
            for attempt in due:
                await self._in("payout", lambda tx, attempt=attempt: self._paid(tx, attempt))

    async def rows(self, service: str, query: str) -> list[Any]:
        return await self._run(service, query)

    async def faults(self) -> list[Violation]:
        """Every violation of the services' own invariants."""
        found = []
        for service, checks in (("wallet", WALLET_INVARIANTS), ("payout", PAYOUT_INVARIANTS)):
            async with self._databases[service].snapshot() as tx:
                found += [
                    each async for each in verify_ledger(tx, checks) if isinstance(each, Violation)
                ]
        return found

    async def forget(self) -> None:
        """Empty every table of what happened."""
        for database in self._databases.values():
            connection = await asyncpg.connect(self._postgres.dsn(database.name))
            try:
                tables = await connection.fetch(
                    "SELECT tablename FROM pg_tables"
                    " WHERE schemaname = current_schema() AND tablename <> ALL($1::text[])",
                    list(KEPT),
                )
                names = ", ".join(quoted(row["tablename"]) for row in tables)
                await connection.execute(f"TRUNCATE {names}")
            finally:
                await connection.close()

    def _wish(self, viewer: str, creator: str, coins: int) -> Any:
        return self.catalogue.price_gift(
            GiftDetails(viewer=viewer, creator=creator, gift_type="g_pebble", count=coins)
        )

    async def _cash_out(self, creator: str) -> None:
        async def ask(tx: Any) -> Any:
            await payees.set_payee(tx, a_payee_request(creator), rules=self.payout_rules)
            quote = await quotes.make_quote(tx, creator, None, self.payout_rules)
            request = PayoutOrder(creator, quote.id, "cash", b"same", "story", ADULT_YEARS, None)
            return await payouts.request_payout(tx, request, rules=self.payout_rules)

        with suppress(Refusal):
            payout = await self._in("payout", ask)
            if payout.state.value == "held":
                await self._in("payout", lambda tx: self._approve(tx, payout))

    async def _approve(self, tx: Any, payout: Any) -> None:
        await reviews.review_payout(
            tx,
            payout.creator,
            payout.id,
            approved=True,
            operator="ann",
            reason="every order",
            rules=self.payout_rules,
        )

    async def _paid(self, tx: Any, attempt: Any) -> None:
        await transfers.apply_status(
            tx, attempt, ProviderStatus.PAID, reason=None, rules=self.payout_rules
        )

    async def _in(self, service: str, work: Any) -> Any:
        async with self._databases[service].transaction() as tx:
            return await work(tx)

    async def _run(self, service: str, query: str) -> list[Any]:
        async with self._databases[service].transaction() as tx:
            return list(await tx.execute(text(query)))


def _delivery(row: Any) -> Delivery:
    headers = headers_of(row)
    kind = headers["cloudEvents_type"]
    owner = BY_TYPE[kind].owner()
    kept = {"cloudEvents_partitionkey": headers["cloudEvents_partitionkey"]}
    if "ovation_error_code" in headers:
        kept["ovation_error_code"] = headers["ovation_error_code"]
    return Delivery(row["body"], kind, str(row["message_id"]), owner, kept)


@asynccontextmanager
async def an_economy(postgres: Any, template_of: Any, credentials: Any) -> AsyncIterator[Economy]:
    """Open three empty databases, and drop them in the end."""
    names, databases = {}, {}
    for service in SERVICES:
        names[service] = f"orders_{service}_{token_hex(4)}"
        template = template_of(service)
        run_sql(postgres.dsn(), database_sql(service, names[service], template=template))
        password = credentials.database[service]
        databases[service] = postgres.open(names[service], user=service, password=password)
    try:
        yield Economy(postgres, databases)
    finally:
        for database in databases.values():
            await database.close()
        run_sql(
            postgres.dsn(),
            [f"DROP DATABASE {quoted(name)} WITH (FORCE)" for name in names.values()],
        )
