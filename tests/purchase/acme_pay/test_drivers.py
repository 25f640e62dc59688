"""Which providers the conformance suite runs over: ours, somebody else's, or Stripe itself too."""

import os

import pytest

from tests.purchase.acme_pay.acme_driver import AcmeDriver
from tests.purchase.providers.drivers import drivers, open_driver


def test_a_driver_of_somebody_else_takes_the_place_of_ours():
    place = "tests.purchase.acme_pay.acme_driver:AcmeDriver"

    assert drivers({"PROVIDER_DRIVER": place}) == {"tests": place}
    assert drivers({"PROVIDER_DRIVER": "acme.driver:Driver"}) == {"acme": "acme.driver:Driver"}
    assert isinstance(open_driver(place), AcmeDriver)


def test_a_key_of_stripes_test_mode_adds_stripe_itself():
    assert "account" not in drivers({"STRIPE_TEST_KEY": ""})
    assert drivers({"STRIPE_TEST_KEY": "sk_test_1"}).keys() - drivers({}).keys() == {"account"}


def test_stripe_itself_is_asked_if_there_is_a_key():
    if not os.environ.get("STRIPE_TEST_KEY"):
        pytest.skip("STRIPE_TEST_KEY has no key of a Stripe account's test mode")
    assert "account" in drivers(os.environ)
