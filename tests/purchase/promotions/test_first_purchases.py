"""What comes on top of a package and of a first purchase: once, as the rules say."""

import asyncio
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from services.purchase.main import read_rules
from tests.clients import a_token, client_of
from tests.deliveries import announced
from tests.purchase.conftest import RULES
from tests.purchase.promotions.conftest import PROMOTIONS


async def test_nothing_comes_on_top_unless_the_operator_says_so(app, buy, put):
    app.state.rules = replace(RULES, promotions=replace(PROMOTIONS, enabled=False))

    bought = (await buy("coins_1000")).json()

    assert (bought["bonus_coins"], bought["promo_coins"]) == (0, 0)


async def test_a_package_comes_with_what_the_rules_say_and_is_shown_with_it(app, buy, promote):
    async with client_of(app, a_token("mira")) as client:
        shown = (await client.get("/v1/packages")).json()

    assert {each["sku"]: each["bonus_coins"] for each in shown["items"]} == {
        "coins_100": 0,
        "coins_500": 25,
        "coins_1000": 25,
    }
    assert shown["first_purchase_percent"] == 10
    # 25 with the package, 100 because it is the first.
    assert (await buy("coins_1000")).json()["bonus_coins"] == 125


def test_a_bonus_with_a_package_that_is_not_sold_stops_the_service(tmp_path):
    file = tmp_path / "rules.toml"
    rules = Path("seeds/rules.toml").read_text().replace("coins_300 = 5", "coins_3 = 5")
    file.write_text(rules.replace("enabled = false", "enabled = true"))

    with pytest.raises(AssertionError, match="coins_3"):
        read_rules(Path("seeds/packages.toml"), file)


async def test_of_purchases_at_once_one_is_the_first(buy, promote):
    answers = await asyncio.gather(*(buy(key=f"key-{n}") for n in range(8)))

    assert sorted(answer.json()["bonus_coins"] for answer in answers) == [0] * 7 + [10]


STEPS = ("pay one", "fail one", "pay other", "again one")


@pytest.mark.parametrize("order", list(permutations(STEPS)), ids=", ".join)
async def test_a_viewer_has_the_coins_of_a_first_purchase_once_whatever_the_order(
    buy, pay, fail, read, promote, database, order
):
    """The first is paid, declined or both, and another is bought in between."""
    one = (await buy(key="one")).json()["purchase"]
    other = (await buy(key="other")).json()["purchase"]
    third = None
    for step in order:
        match step:
            case "pay one":
                await pay(one)
            case "fail one":
                # What was paid is not declined any more.
                if "pay one" not in order[: order.index(step)]:
                    await fail(one)
            case "pay other":
                await pay(other)
            case "again one":
                third = (await buy(key="third")).json()["purchase"]
    await pay(third)

    purchases = [await read(each) for each in (one, other, third)]
    given = [each["bonus_coins"] for each in purchases if each["paid_at"]]
    assert sum(given) <= 10
    if order.index("pay one") < order.index("fail one"):
        assert given == [10, 0, 0]
    else:
        # It was given up, so the promise was free for a purchase that had none before it.
        is_free = "pay other" not in order[: order.index("again one")]
        lost = order.index("fail one") < order.index("again one") and is_free
        paid_late = order.index("pay one") < order.index("again one")
        assert given == [0, 0, 10 if lost and not paid_late else 0]
    paid = await announced(database, "purchase.paid")
    assert sorted(fact["bonus_coins"] for fact in paid) == sorted(given)
