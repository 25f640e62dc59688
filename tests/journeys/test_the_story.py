"""The whole story, as a stranger sees it with `make demo`."""

import pytest

from deploy.demo import story
from deploy.harness.processes import ServerFailed
from deploy.harness.system import System
from deploy.harness.vendors import chosen


def test_coins_are_bought_gifts_sent_diamonds_cashed_out_and_the_books_balance(system):
    assert story.play(system.gateway_url)


@pytest.mark.parametrize("provider", ["stripe", "paypal"])
def test_the_story_is_paid_at_a_vendor_whose_own_books_agree(provider):
    with System(fast=True, providers=(provider,)) as running:
        url = running.vendors.urls[provider]
        assert story.play(running.gateway_url, provider=provider, vendor_url=url)


@pytest.mark.parametrize("text", ["", ",", "visa", "stripe,visa"])
def test_a_provider_that_is_not_there_is_refused(text):
    with pytest.raises(ServerFailed, match="there are sandbox, stripe, paypal"):
        chosen(text)


def test_providers_are_named_with_commas_and_each_counts_once():
    assert chosen("paypal, stripe,paypal") == ("paypal", "stripe")
