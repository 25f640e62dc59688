"""
Wallet, gift and payout with their real code and databases, and a broker as bad as it may be.

What is announced lies in a heap. What is taken out of it goes to everyone who hears it: in any
order, late, and more than once.
"""

import asyncio
import json
import random as randomness
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

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
from services.payout.main import read_rules as read_payout_rules
from services.payout.store import attempts
from services.payout.store.invariants import INVARIANTS as PAYOUT_INVARIANTS
from services.wallet import consumers as wallet_consumers
from services.wallet.commands import adjustments
from services.wallet.main import read_rules as read_wallet_rules
from services.wallet.settings import Settings as WalletSettings
from services.wallet.store.invariants import INVARIANTS as WALLET_INVARIANTS
from shared.backoffice.adjustments import AdjustmentRequest
from shared.contracts.routes import BY_TYPE, QUEUES
from shared.contracts.wallet import CoinsFrozen
from shared.errors import Refusal
from shared.ledger.verification import Violation, verify_ledger
from shared.messaging.delivery import Delivery
from shared.messaging.outbox_rows import headers_of
from shared.postgres.statements import text
from tests.deliveries import a_broker, a_delivery
from tests.payees import a_payee_request

TAKE = text("DELETE FROM outbox RETURNING message_id, routing_key, headers, body")
RULES_FILE = Path("seeds/rules.toml")
RATES_FILE = Path("seeds/rates.toml")


class World:
    """Three services on databases of their own; one loop that runs them step by step."""

    def __init__(self, databases, *, wallet_settings, wallet_rules, payout_rules, catalogue):
        self.databases = databases
        self.payout_rules = payout_rules
        self.catalogue = catalogue
        self.heap = []
        # How many coins of which lots the wallet froze, by refund or warning.
        self.held_lots = {}
        self._loop = asyncio.new_event_loop()
        consumers = [
            *wallet_consumers.build(
                wallet_settings, wallet_rules, databases["wallet"], a_broker("wallet")
            ),
            *gift_consumers.build(
                databases["gift"],
                a_broker("gift"),
                catalogue_cache=CatalogueCache(databases["gift"], catalogue),
                resolve=lambda _: None,
            ),
            *payout_consumers.build(databases["payout"], a_broker("payout"), payout_rules),
        ]
        self._consumers = {consumer.queue: consumer for consumer in consumers}

    def close(self):
        for database in self.databases.values():
            self.run(database.close())
        self._loop.close()

    def run(self, work):
        return self._loop.run_until_complete(work)

    def publish(self, event):
        """Say something as the purchase service would."""
        self.heap.append(a_delivery(event))

    def ask_for_gift(self, viewer, creator, coins):
        details = GiftDetails(
            viewer=viewer, creator=creator, room="stage", gift_type="g_pebble", count=coins
        )
        priced = self.catalogue.price_gift(details)
        request = GiftRequest(priced, uuid4().hex, b"same", "story", ADULT_YEARS)
        self.run(
            self._in(
                "gift",
                lambda tx: request_gifts(tx, [request], self.catalogue, anybody_may_receive=True),
            )
        )

    def deliver(self, place, copies):
        """Take one message from the heap and bring it to whoever hears it, so many times."""
        if self.heap:
            delivery = self.heap.pop(place % len(self.heap))
            self.hear([delivery] * copies)

    def hear(self, deliveries):
        for queue, consumer in self._consumers.items():
            types = {event.type() for event in QUEUES[queue]}
            mine = [delivery for delivery in deliveries if delivery.type in types]
            if mine:
                self.run(consumer.receive(mine))
        self.collect()

    def collect(self):
        """Put what was announced on the heap; nothing may have been parked."""
        for database in self.databases.values():
            for row in self.run(self._rows(database, TAKE)):
                headers = headers_of(row)
                assert "ovation_error_code" not in headers, headers
                kind = headers["cloudEvents_type"]
                owner = BY_TYPE[kind].owner()
                self.heap.append(Delivery(row["body"], kind, str(row["message_id"]), owner, {}))
                if kind == CoinsFrozen.type():
                    answer = json.loads(row["body"])["data"]
                    lots = {UUID(each["lot"]): each["coins"] for each in answer["lots"]}
                    self.held_lots[answer["freeze"]] = lots

    def finish(self):
        """Let everything arrive that is on its way."""
        while self.heap:
            waiting, self.heap = self.heap, []
            self.hear(waiting)

    def adjust(self, user, coins):
        """Correct a balance, as two operators do."""

        async def agree(tx):
            key = uuid4().hex
            wish = AdjustmentRequest("wallet", user, coins, "any story", "ann", key, b"same")
            asked = await adjustments.request_wallet_adjustment(tx, wish)
            await adjustments.decide_wallet_adjustment(tx, asked.id, "ben", True, "story")

        with suppress(Refusal):
            self.run(self._in("wallet", agree))
        self.collect()

    def mature(self, days):
        now = datetime.now(UTC) + timedelta(days=days)
        self.run(self._in("payout", lambda tx: maturity.mature(tx, self.payout_rules, now=now)))
        self.collect()

    def cash_out(self, creator):
        """Ask for as much money as can be had; None if none can."""

        async def ask(tx):
            await payees.set_payee(tx, a_payee_request(creator), rules=self.payout_rules)
            quote = await quotes.make_quote(tx, creator, None, self.payout_rules)
            request = PayoutOrder(
                creator, quote.id, uuid4().hex, b"same", "story", ADULT_YEARS, None
            )
            return await payouts.request_payout(tx, request, rules=self.payout_rules)

        with suppress(Refusal):
            payout = self.run(self._in("payout", ask))
            self.collect()
            return payout
        return None

    def send_payouts(self, creator, results):
        """Let the provider say something about a creator's payouts that were sent."""

        async def claim(tx):
            await payout_attempts.open_attempts(tx)
            await tx.execute(text("UPDATE attempts SET next_check_at = now() WHERE NOT closed"))
            return await attempts.claim_due(tx, 50)

        for attempt in self.run(self._in("payout", claim)):
            if attempt.creator != creator:
                continue
            for result in results:
                self.run(
                    self._in(
                        "payout",
                        lambda tx, attempt=attempt, result=result: transfers.apply_status(
                            tx,
                            attempt,
                            ProviderStatus(result),
                            reason=None,
                            rules=self.payout_rules,
                        ),
                    )
                )
        self.collect()

    def review(self, creator, payout, *, approved, operator="ann"):
        async def decide(tx):
            await reviews.review_payout(
                tx,
                creator,
                payout,
                approved=approved,
                operator=operator,
                reason="any story",
                rules=self.payout_rules,
            )

        with suppress(Refusal):
            self.run(self._in("payout", decide))
        self.collect()

    def rows(self, service, query, **parameters):
        return self.run(self._rows(self.databases[service], text(query), parameters))

    def faults(self):
        """Every violation of the services' own invariants."""
        found = []
        for service, checks in (("wallet", WALLET_INVARIANTS), ("payout", PAYOUT_INVARIANTS)):
            found += self.run(self._faults(self.databases[service], checks))
        return found

    async def _in(self, service, work):
        async with self.databases[service].transaction() as tx:
            return await work(tx)

    async def _rows(self, database, statement, parameters=None):
        async with database.transaction() as tx:
            return [dict(row) for row in await tx.execute(statement, parameters)]

    async def _faults(self, database, checks):
        async with database.snapshot() as tx:
            return [
                found async for found in verify_ledger(tx, checks) if isinstance(found, Violation)
            ]


@contextmanager
def opened_world(postgres, template_of, credentials):
    """A world on databases of its own, which go with it."""
    names, databases = {}, {}
    for service in ("wallet", "gift", "payout"):
        names[service] = f"world_{service}_{randomness.randrange(16**8):08x}"
        template = template_of(service)
        run_sql(postgres.dsn(), database_sql(service, names[service], template=template))
        password = credentials.database[service]
        databases[service] = postgres.open(names[service], user=service, password=password)
    unused = (
        *("database_url", "database_password", "broker_url", "broker_password"),
        *("jwt_issuer", "jwt_audience", "jwks_url"),
    )
    world = World(
        databases,
        wallet_settings=WalletSettings(
            port=1, **dict.fromkeys(unused, "unused"), rules_file=RULES_FILE
        ),
        wallet_rules=read_wallet_rules(RULES_FILE),
        # Small payouts, so that there are many.
        payout_rules=replace(
            read_payout_rules(RULES_FILE, RATES_FILE),
            minimum_diamonds=20,
            requests_per_day_max=1_000,
        ),
        catalogue=read_catalogue(Path("seeds/gifts.toml")),
    )
    yield world
    world.close()
    run_sql(
        postgres.dsn(), [f"DROP DATABASE {quoted(name)} WITH (FORCE)" for name in names.values()]
    )
