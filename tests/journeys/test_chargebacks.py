"""A card payment is disputed, sooner or later: every party of its gifts loses what it earned."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.payout.commands.bonuses import BonusRequest, decide_bonus, request_bonus
from services.payout.commands.statements import read_statement
from services.payout.commands.traces import read_trace
from services.payout.domain.statements import parse_period
from shared.contracts.purchase import PurchaseDisputeClosed, PurchaseDisputed, PurchasePaid
from tests.journeys.world import opened_world
from tests.payout.test_splits import ADD

COINS, GIFTS = 9_000, 10
AGENCY_BP, BONUS = 2_000, 700
OF_AGENCY = COINS * AGENCY_BP // 10_000
OF_LEA = COINS - OF_AGENCY
# When the dispute is opened and closed among the steps of a payout, also in the wrong order.
STORIES = [
    "opened closed mature ask pay",
    "opened mature ask pay closed",
    "mature closed opened ask pay",
    "mature opened ask closed pay",
    "mature ask opened closed pay",
    "mature ask closed pay opened",
    "mature ask opened pay closed",
    "mature ask pay opened closed",
    "mature ask pay closed opened",
]
# What a party has, was paid, and has lost without having it; 0 where there is nothing.
STANDS = """
    SELECT (SELECT coalesce(sum(balance), 0)::bigint FROM accounts
            WHERE user_id = :user AND asset = 'diamonds') AS balance,
           (SELECT coalesce(sum(amount), 0)::bigint FROM postings
            WHERE user_id = :user AND account = '@paid_out') AS paid,
           (SELECT coalesce(sum(lost_diamonds), 0)::bigint FROM earnings
            WHERE creator = :user) AS lost,
           (SELECT coalesce(sum(diamonds - reversed_diamonds), 0)::bigint FROM earnings
            WHERE creator = :user) AS backed
"""
DEBT = "SELECT coalesce(-sum(balance), 0)::bigint AS coins FROM accounts WHERE kind = 'debt'"
REVERSED = "SELECT coalesce(sum(reversed_coins), 0)::bigint AS coins FROM gifts"


class Story:
    """A purchase that became gifts of a shared creator, who is paid out."""

    def __init__(self, world, *, won):
        self.world, self.won, self.payout = world, won, None
        self.paid = PurchasePaid(
            purchase=uuid4(),
            viewer="thief",
            package="any",
            coins=COINS,
            amount_minor=COINS,
            currency="USD",
            channel="web",
            country="US",
            provider="sandbox",
            payment="pay",
            paid_at=datetime.now(UTC),
        )
        self._about = {
            "purchase": self.paid.purchase,
            "viewer": "thief",
            "dispute": "dp_1",
            "amount_minor": COINS,
            "currency": "USD",
        }

    def begin(self):
        shares = {"creator": "lea", "parties": ["agency"], "shares_bp": [AGENCY_BP]}
        at = datetime.now(UTC) - timedelta(days=1)
        self.world.rows("payout", f"{ADD} RETURNING creator", at=at, **shares)
        self._hear(self.paid)
        for _ in range(GIFTS):
            self.world.ask_for_gift("thief", "lea", COINS // GIFTS)
            self.world.collect()
        self.world.finish()
        self.world.run(self._grant_bonus())

    async def _grant_bonus(self):
        async with self.world.databases["payout"].transaction() as tx:
            asked = BonusRequest("lea", "platform", BONUS, "first week", "ann", "key", b"hash")
            bonus = await request_bonus(tx, asked)
            await decide_bonus(
                tx,
                "lea",
                bonus.id,
                is_granted=True,
                operator="ben",
                correlation_id="story",
                rules=self.world.payout_rules,
            )

    def opened(self):
        self._hear(PurchaseDisputed(**self._about, revision=1, reason="fraudulent"))

    def closed(self):
        self._hear(PurchaseDisputeClosed(**self._about, revision=2, won=self.won))

    def mature(self):
        self.world.mature(15)
        self.world.finish()

    def ask(self):
        self.payout = self.world.cash_out("lea")
        self.world.finish()

    def pay(self):
        for operator in ("cleo", "dan"):
            self.world.review("lea", self.payout.id, approved=True, operator=operator)
        self.world.send_payouts("lea", ["paid"])
        self.world.finish()

    def _hear(self, event):
        self.world.publish(event)
        self.world.finish()

    def stands(self, user):
        (row,) = self.world.rows("payout", STANDS, user=user)
        return row

    async def statement(self, user):
        now = datetime.now(UTC)
        async with self.world.databases["payout"].transaction() as tx:
            return await read_statement(tx, user, parse_period(f"{now:%Y}"), zone="UTC", now=now)

    async def trace(self):
        async with self.world.databases["payout"].transaction() as tx:
            return await read_trace(tx, "lea", self.payout.id, after=0, limit=1_000)


@pytest.fixture
def world(postgres, template_of, credentials):
    with opened_world(postgres, template_of, credentials) as world:
        yield world


@pytest.mark.parametrize("won", [False, True])
@pytest.mark.parametrize("steps", STORIES)
def test_every_party_ends_with_what_has_money_behind_it_whenever_the_bank_asks(world, steps, won):
    story = Story(world, won=won)
    story.begin()

    for step in steps.split():
        getattr(story, step)()

    # The bonus is the platform's money: no viewer's bank takes it back.
    for party, earned, bonus in (("lea", OF_LEA, BONUS), ("agency", OF_AGENCY, 0)):
        found = story.stands(party)
        assert found["backed"] == (earned if won else 0), party
        assert found["balance"] + found["paid"] - found["lost"] == found["backed"] + bonus, party
        statement = world.run(story.statement(party))
        assert statement.diamonds.closing == found["balance"], party
    owed = 0 if won else COINS
    assert world.rows("wallet", DEBT) == world.rows("gift", REVERSED) == [{"coins": owed}]
    trace = world.run(story.trace())
    assert sum(each.part.diamonds for each in trace.parts) == trace.payout.diamonds > 0
    assert world.faults() == []
