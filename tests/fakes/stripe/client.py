"""Stripe's official SDK as a client of the fake."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import stripe

from tests.fakes.stripe.vendor import Stripe

SECRET = "whsec_of_the_test"


@asynccontextmanager
async def client_of(fake: Stripe, api_key: str | None = None) -> AsyncIterator[stripe.StripeClient]:
    """Open a client that repeats nothing by itself."""
    http = stripe.HTTPXClient(timeout=2)
    yield stripe.StripeClient(
        api_key or fake.api_key,
        base_addresses={"api": fake.url},
        http_client=http,
        max_network_retries=0,
    )
    await http.close_async()
