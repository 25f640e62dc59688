"""Events that never happened are as good as real ones: valid, consistent, the same each time."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.ctl.events import invalid, sample_events
from shared.contracts.envelope import Envelope
from shared.contracts.gift import GiftRequested, GiftSent
from shared.contracts.purchase import PurchasePaid
from shared.contracts.routes import EVENTS
from shared.contracts.samples import envelope, sample, samples
from shared.contracts.wallet import CoinsCredited, GiftPaymentRefused, LotKind, lot_id


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_a_sample_has_every_field_and_travels(event):
    made = sample(event)

    assert all(value is not None for _, value in made)
    assert Envelope[event].model_validate_json(envelope(made)).data == made
    assert envelope(made) == envelope(sample(event))
    assert not invalid([envelope(made).decode()])


def test_what_is_given_stays_and_the_rest_agrees_with_it():
    sent = sample(GiftSent, viewer="someone", coins=5)

    assert (sent.viewer, sent.coins) == ("someone", 5)
    assert sum(part.coins for part in sent.slices) == 5
    assert sent.combo_coins >= 5
    assert sample(GiftRequested, count=3, price_coins=7).coins == 21
    assert sample(GiftSent, slices=sent.slices, coins=9).slices == sent.slices
    assert sample(GiftSent, combo=None).repeat_count is None


@given(seed=st.integers(0, 2**32))
def test_made_up_events_are_consistent(seed):
    for event in samples(seed, 5):
        match event:
            case GiftRequested():
                assert event.coins == event.price_coins * event.count
            case GiftSent():
                assert sum(part.coins for part in event.slices) == event.coins
                assert event.combo or event.combo_coins is None
            case CoinsCredited():
                assert sum(lot.coins for lot in event.lots) == event.coins
                assert {lot.lot for lot in event.lots} <= {
                    lot_id(event.purchase, kind) for kind in LotKind
                }
            case GiftPaymentRefused(reason="insufficient-coins"):
                assert event.balance_coins + event.shortfall_coins == event.coins


def test_made_up_events_differ_and_the_same_seed_makes_the_same():
    one = [envelope(event) for event in samples(7, 300)]

    assert one == [envelope(event) for event in samples(7, 300)]
    assert one != [envelope(event) for event in samples(8, 300)]
    assert len(set(one)) == 300
    assert {json.loads(each)["type"] for each in one} > {GiftSent.type(), PurchasePaid.type()}


def test_what_events_sample_prints_is_what_events_lint_accepts():
    lines = [line.decode() for line in sample_events(None, count=300, seed=1)]

    assert not invalid(lines)
    assert not invalid([f"[{', '.join(lines)}]"])
    assert {json.loads(line)["type"] for line in sample_events("gift.sent", count=9, seed=1)} == {
        GiftSent.type()
    }
    assert invalid(["[{}]", "[", "nonsense"]) != []
