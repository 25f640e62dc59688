"""Three services in the same process, for all worlds of a test."""

import pytest

from tests.every_order.economy import an_economy


@pytest.fixture
async def economy(postgres, template_of, credentials):
    async with an_economy(postgres, template_of, credentials) as economy:
        yield economy
