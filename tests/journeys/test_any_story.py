"""
Whatever people, banks and brokers do, in any order and more than once, the books come out right.

OVATION_STORIES says how many stories are tried; with 2000 it takes a while.
"""

import json
import os
import random as randomness
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from shared.contracts.purchase import (
    PurchaseDisputeClosed,
    PurchaseDisputed,
    PurchasePaid,
    PurchaseRefundDeclined,
    PurchaseRefunded,
    PurchaseRefundRequested,
    PurchaseRiskFlagged,
)
from tests.journeys.expected import Told, expected_end
from tests.journeys.world import World, opened_world

STORIES = int(os.environ.get("OVATION_STORIES", "25"))
STEPS = 40
viewers, creators, numbers = st.integers(0, 1), st.integers(0, 1), st.integers(0, 2**32)


@pytest.fixture(scope="module")
def world(postgres, template_of, credentials):
    with opened_world(postgres, template_of, credentials) as world:
        yield world


class Story(RuleBasedStateMachine):
    """People who were never here before; the model is what they did, and the oracle's answer."""

    world: World

    def __init__(self):
        super().__init__()
        run = uuid4().hex[:8]
        self.viewers = [f"viewer-{run}-{number}" for number in range(2)]
        self.creators = [f"creator-{run}-{number}" for number in range(2)]
        self.told = {viewer: Told() for viewer in self.viewers}
        # By purchase: who, coins, bonus, price; what each dispute claims now, in which revision.
        self.purchases = {}
        self.disputes = {}
        self.refunds = {}
        self.asked_coins = dict.fromkeys(self.viewers, 0)
        self.payouts = []

    def pick(self, number):
        return randomness.Random(number).choice(list(self.purchases))

    @rule(viewer=viewers, coins=st.integers(1, 300), bonus=st.integers(0, 20))
    def buy(self, viewer, coins, bonus):
        purchase, who = uuid4(), self.viewers[viewer]
        self.purchases[purchase] = (who, coins, bonus, coins)
        self.told[who].buy(str(purchase), coins, bonus, coins)
        self.world.publish(
            PurchasePaid(
                purchase=purchase,
                viewer=who,
                package="any",
                coins=coins,
                bonus_coins=bonus,
                amount_minor=coins,
                currency="USD",
                channel="web",
                country="DE",
                provider="sandbox",
                payment="pay",
                paid_at=datetime.now(UTC),
            )
        )

    @rule(viewer=viewers, creator=creators, coins=st.integers(1, 200))
    def give(self, viewer, creator, coins):
        self.asked_coins[self.viewers[viewer]] += coins
        self.world.ask_for_gift(self.viewers[viewer], self.creators[creator], coins)
        self.world.collect()

    @rule(viewer=viewers, creator=creators, coins=st.integers(20, 300), tenths=st.integers(1, 10))
    def spend_an_evening(self, viewer, creator, coins, tenths):
        """Buy, and spend part of it, without anything going wrong."""
        self.buy(viewer, coins, 0)
        self.deliver_all()
        for part in (coins * tenths // 20, coins * tenths // 10 - coins * tenths // 20):
            if part:
                self.give(viewer, creator, part)
        self.deliver_all()

    @precondition(lambda self: self.purchases)
    @rule(number=numbers, percent=st.integers(1, 100), which=st.integers(0, 1))
    def dispute(self, number, percent, which):
        purchase = self.pick(number)
        who, _, _, price = self.purchases[purchase]
        about = (purchase, f"dp_{which}")
        revision, _ = self.disputes.get(about, (0, 0))
        amount = max(1, price * percent // 100)
        self._claim(about, revision + 1, amount)
        self.world.publish(
            PurchaseDisputed(
                purchase=purchase,
                viewer=who,
                dispute=about[1],
                revision=revision + 1,
                amount_minor=amount,
                currency="USD",
                reason="fraudulent",
            )
        )

    @precondition(lambda self: self.disputes)
    @rule(number=numbers, won=st.booleans())
    def decide(self, number, won):
        about = randomness.Random(number).choice(list(self.disputes))
        revision, amount = self.disputes[about]
        if not amount:
            return
        self._claim(about, revision + 1, 0 if won else amount)
        self.world.publish(
            PurchaseDisputeClosed(
                purchase=about[0],
                viewer=self.purchases[about[0]][0],
                dispute=about[1],
                revision=revision + 1,
                amount_minor=amount,
                currency="USD",
                won=won,
            )
        )

    def _claim(self, about, revision, minor):
        purchase, dispute = about
        self.disputes[about] = (revision, minor)
        who = self.purchases[purchase][0]
        self.told[who].disputes[str(purchase), dispute] = (revision, minor)

    @precondition(lambda self: self.purchases)
    @rule(number=numbers, refunded=st.booleans())
    def refund(self, number, refunded):
        """Ask, and end it as soon as the wallet has answered what it froze."""
        purchase = self.pick(number)
        if any(about == purchase for about, _ in self.refunds.values()):
            return
        refund = uuid4()
        self.refunds[str(refund)] = (purchase, refunded)
        self.told[self.purchases[purchase][0]].requested[str(refund)] = str(purchase)
        self.world.publish(
            PurchaseRefundRequested(
                purchase=purchase,
                viewer=self.purchases[purchase][0],
                refund=refund,
                requested_by="viewer",
            )
        )

    @precondition(lambda self: self.purchases)
    @rule(number=numbers)
    def warn(self, number):
        purchase = self.pick(number)
        if number % 3:
            return
        self.told[self.purchases[purchase][0]].warned.add(str(purchase))
        self.world.publish(
            PurchaseRiskFlagged(
                purchase=purchase,
                viewer=self.purchases[purchase][0],
                warning=f"ew_{purchase}",
                reason="stolen",
            )
        )

    @rule(viewer=viewers, coins=st.integers(-100, 100).filter(bool))
    def adjust(self, viewer, coins):
        self.world.adjust(self.viewers[viewer], coins)

    @rule(days=st.sampled_from([0, 15, 30]))
    def let_time_pass(self, days):
        self.world.mature(days)

    @rule(
        creator=creators,
        results=st.sampled_from(
            [("submitted", "paid"), ("paid", "returned"), ("failed",), ("submitted",)]
        ),
        approved=st.booleans(),
    )
    def cash_out(self, creator, results, approved):
        who = self.creators[creator]
        if (payout := self.world.cash_out(who)) is not None:
            self.payouts.append((who, payout.id))
        for name, payout_id in self.payouts:
            if name == who:
                self.world.review(who, payout_id, approved=approved)
        self.world.send_payouts(who, results)

    @rule(places=st.lists(st.integers(0, 1_000), min_size=1, max_size=6), copies=st.integers(1, 3))
    def deliver_some(self, places, copies):
        for place in places:
            self._answer_refunds()
            self.world.deliver(place, copies)

    @rule()
    def deliver_all(self):
        while self.world.heap:
            self._answer_refunds()
            self.world.finish()

    @rule(seed=st.integers(0, 99))
    def deliver_all_one_by_one_in_any_order(self, seed):
        order = randomness.Random(seed)
        while self.world.heap:
            self._answer_refunds()
            self.world.deliver(order.randrange(1_000), 1)

    def _answer_refunds(self):
        """Be the purchase service: when the wallet has frozen, give the money back, or do not."""
        for delivery in self.world.heap:
            if delivery.type != "dev.ovation.wallet.coins_frozen.v1":
                continue
            for refund in [each for each in self.refunds if each.encode() in delivery.body]:
                purchase, refunded = self.refunds.pop(refund)
                about = {
                    "purchase": purchase,
                    "viewer": self.purchases[purchase][0],
                    "refund": UUID(refund),
                }
                coins = json.loads(delivery.body)["data"]["coins"]
                told = self.told[about["viewer"]]
                told.ended[refund] = coins if refunded and coins else None
                event = (
                    PurchaseRefunded(**about, coins=coins, amount_minor=1, currency="USD")
                    if refunded and coins
                    else PurchaseRefundDeclined(**about, reason="provider")
                )
                self.world.publish(event)
                break

    def teardown(self):
        """Everything arrives in the end; then the books are what the story says."""
        while self.world.heap:
            self._answer_refunds()
            self.world.finish()
        faults = self.world.faults()
        assert faults == [], faults
        self._coins_are_what_was_bought()
        self._everybody_ends_as_the_facts_say()
        self._services_agree()
        self._diamonds_are_what_gifts_left()

    def _coins_are_what_was_bought(self):
        for who in self.viewers:
            (row,) = self.world.rows(
                "wallet",
                "SELECT coalesce(sum(coins), 0)::bigint AS coins, coalesce(sum(spent), 0)::bigint"
                " AS spent FROM lots WHERE user_id = :who AND channel <> 'adjustment'",
                who=who,
            )
            bought = [
                coins + bonus for name, coins, bonus, _ in self.purchases.values() if name == who
            ]
            assert row["coins"] == sum(bought)
            assert row["spent"] <= min(self.asked_coins[who], row["coins"])

    def _everybody_ends_as_the_facts_say(self):
        for who in self.viewers:
            end, named = expected_end(self.world, who, self.told[who])
            balances = {"main": 0, "held": 0, "debt": 0} | {
                row["kind"]: row["balance"]
                for row in self.world.rows(
                    "wallet",
                    "SELECT kind, balance FROM accounts WHERE user_id = :who AND asset = 'coins'",
                    who=who,
                )
            }
            assert balances == {"main": end.main, "held": end.held, "debt": -end.debt}
            for service in ("gift", "payout"):
                reversals = self.world.rows(
                    service,
                    "SELECT gift, lot, reversed_coins FROM reversals"
                    " WHERE lot = ANY(:lots) AND reversed_coins > 0",
                    lots=list(named),
                )
                found = {
                    (str(row["gift"]), named[row["lot"]]): row["reversed_coins"]
                    for row in reversals
                }
                assert found == end.reversed_coins, service

    def _services_agree(self):
        mine = {"viewers": self.viewers}
        paid = self.world.rows(
            "wallet",
            "SELECT gift, sum(coins)::bigint AS coins FROM slices"
            " WHERE user_id = ANY(:viewers) GROUP BY gift ORDER BY gift",
            **mine,
        )
        sent = self.world.rows(
            "gift",
            "SELECT id AS gift, coins FROM gifts WHERE viewer = ANY(:viewers) AND state = 'sent'"
            " ORDER BY id",
            **mine,
        )
        earned = self.world.rows(
            "payout",
            "SELECT gift, sum(coins)::bigint AS coins FROM earnings"
            " WHERE viewer = ANY(:viewers) GROUP BY gift ORDER BY gift",
            **mine,
        )
        assert paid == sent == earned

    def _diamonds_are_what_gifts_left(self):
        wrong = self.world.rows(
            "payout",
            "SELECT earnings.* FROM earnings LEFT JOIN reversals USING (creator, gift, lot)"
            " WHERE creator = ANY(:creators) AND diamonds - reversed_diamonds <> greatest("
            "coins - coalesce(reversed_coins, 0), 0) * rate_bp / 10000",
            creators=self.creators,
        )
        assert wrong == []


def test_no_story_breaks_a_book(world):
    story = type("AnyStory", (Story,), {"world": world})
    run_state_machine_as_test(
        story,
        settings=settings(
            max_examples=STORIES,
            stateful_step_count=STEPS,
            suppress_health_check=list(HealthCheck),
        ),
    )
