"""What coins cost at which moment, by channel and country; what reductions are shown with."""

import tomllib
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.prices.packages import Channel, Currencies, CustomPackage, Package
from shared.prices.price_book import PriceBook, PriceChange
from shared.prices.price_list import CurrencyNotOffered

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 70
WEB, IOS, ANDROID = Channel.WEB, Channel.IOS, Channel.ANDROID


def on(day, **time):
    return START + timedelta(days=day, **time)


def a_change(day, price, *, channel=WEB, countries=(), sku="coins_100", currency="EUR"):
    return PriceChange(on(day), {sku: {currency: price}}, channel, countries)


def a_book(*changes, prices=None):
    package = Package("coins_100", 100, {"EUR": 100} if prices is None else prices)
    return PriceBook((package,), price_changes=changes)


def price(book, day, *, channel=WEB, country=None):
    found = book.at(on(day), channel=channel, country=country)
    return found.packages[0].prices.get("EUR")


def reduced_from(book, moment, *, channel=WEB, country=None):
    if isinstance(moment, int):
        moment = on(moment)
    found = book.at(moment, channel=channel, country=country)
    return found.reduced_from.get("coins_100", {}).get("EUR")


def test_a_change_holds_from_its_moment_on():
    book = a_book(a_change(10, 90))

    moments = [on(10) - timedelta(microseconds=1), on(10), on(11)]
    assert [book.at(moment).packages[0].prices["EUR"] for moment in moments] == [100, 90, 90]


def test_a_change_has_the_midnight_that_its_offset_says():
    berlin = datetime.fromisoformat("2026-12-01T00:00:00+01:00")
    book = a_book(PriceChange(berlin, {"coins_100": {"EUR": 90}}))

    before, after = (datetime(2026, 11, 30, hour, tzinfo=UTC) for hour in (22, 23))
    assert [book.at(moment).packages[0].prices["EUR"] for moment in (before, after)] == [100, 90]


def test_the_order_of_changes_in_the_file_does_not_matter():
    changes = (a_change(10, 90), a_change(20, 110))

    for book in (a_book(*changes), a_book(*reversed(changes))):
        assert [price(book, day) for day in (9, 10, 20)] == [100, 90, 110]


def test_an_app_has_its_own_price_or_else_the_web_s():
    book = a_book(a_change(10, 130, channel=IOS), a_change(20, 90))

    assert [price(book, 5, channel=each) for each in Channel] == [100, 100, 100]
    assert [price(book, 15, channel=each) for each in Channel] == [100, 130, 100]
    # What the web changes later is not what the App Store takes.
    assert [price(book, 25, channel=each) for each in Channel] == [90, 130, 90]


def test_a_country_has_its_own_price_but_the_channel_comes_first():
    book = a_book(
        a_change(10, 80, countries=("BG", "RO")),
        a_change(10, 120, channel=IOS),
        a_change(10, 110, channel=IOS, countries=("RO",)),
    )

    found = {
        (country, channel): price(book, 10, channel=channel, country=country)
        for country in (None, "DE", "BG", "RO")
        for channel in Channel
    }
    assert found == {
        (None, WEB): 100,
        (None, IOS): 120,
        (None, ANDROID): 100,
        ("DE", WEB): 100,
        ("DE", IOS): 120,
        ("DE", ANDROID): 100,
        ("BG", WEB): 80,
        ("BG", IOS): 120,
        ("BG", ANDROID): 80,
        ("RO", WEB): 80,
        ("RO", IOS): 110,
        ("RO", ANDROID): 80,
    }


def test_a_package_may_be_sold_in_some_channels_only():
    packages = (
        Package("coins_100", 100, {"EUR": 100}, channels=(IOS, ANDROID)),
        Package("coins_200", 200, {"EUR": 200}),
    )
    custom = CustomPackage("custom", 50, 100, {"EUR": 1_000}, {}, channels=(WEB,))
    book = PriceBook(packages, custom)

    found = {channel: book.at(START, channel=channel) for channel in Channel}
    assert {channel: len(each.packages) for channel, each in found.items()} == {
        WEB: 1,
        IOS: 2,
        ANDROID: 2,
    }
    assert [found[channel].custom_in("EUR") is None for channel in Channel] == [False, True, True]


def test_a_currency_may_begin_with_a_change():
    book = a_book(a_change(10, 90), prices={"USD": 99})

    assert [price(book, day) for day in (9, 10)] == [None, 90]
    assert reduced_from(book, 10) is None


def test_the_buyers_of_a_country_get_its_prices_in_its_currencies():
    currencies = Currencies(("USD",), {"EUR": ("DE", "CH"), "CHF": ("CH",)})
    package = Package("coins_100", 100, {"EUR": 100, "USD": 99, "CHF": 95})
    book = PriceBook((package,), currencies=currencies)

    german, swiss = (book.offered(START, channel=WEB, country=each) for each in ("DE", "CH"))

    assert german.packages[0].prices == {"EUR": 100}
    assert (german.choose_currency(None), swiss.choose_currency("CHF")) == ("EUR", "CHF")
    with pytest.raises(CurrencyNotOffered) as refused:
        german.choose_currency("CHF")
    assert refused.value.facts["currencies"] == ["EUR"]


def test_a_reduction_is_shown_with_the_lowest_price_of_the_thirty_days_before_it():
    """A sale of seven days, a higher price, and another sale."""
    sales = [a_change(0, 80), a_change(7, 120), a_change(20, 90), a_change(40, 75)]
    book = a_book(*sales)

    assert reduced_from(book, 0) == 100
    assert reduced_from(book, 10) is None  # it rose
    assert reduced_from(book, 20) is None  # 13 days ago it was 80
    assert reduced_from(book, 40) == 90


def test_a_price_that_ended_thirty_days_before_counts_no_more():
    book = a_book(a_change(0, 80), a_change(10, 100), a_change(40, 90))
    earlier = a_book(a_change(0, 80), a_change(10, 100), a_change(39, 90))

    assert reduced_from(book, 40) == 100
    assert reduced_from(earlier, 39) is None


def test_after_thirty_days_a_lower_price_is_simply_the_price():
    book = a_book(a_change(10, 80))

    assert reduced_from(book, on(40) - timedelta(seconds=1)) == 100
    assert reduced_from(book, 40) is None


def test_a_change_that_changes_nothing_does_not_begin_a_reduction_again():
    book = a_book(a_change(10, 80), a_change(30, 80))

    assert reduced_from(book, 35) == 100
    assert reduced_from(book, 45) is None


def test_who_pays_the_price_of_an_app_is_shown_the_reduction_of_that_app():
    in_the_app = (a_change(-60, 120, channel=IOS), a_change(20, 110, channel=IOS))
    book = a_book(*in_the_app, a_change(20, 90))

    assert reduced_from(book, 21, channel=IOS) == 120
    assert reduced_from(book, 21) == 100


scopes = st.sampled_from([(WEB, None), (WEB, "DE"), (IOS, None), (IOS, "DE"), (ANDROID, "DE")])
planned = st.dictionaries(
    st.tuples(st.integers(0, DAYS - 1), scopes), st.integers(1, 6), max_size=12
)


@given(base=st.none() | st.integers(1, 6), changes=planned, channel=st.sampled_from(Channel))
@example(base=5, changes={(0, (WEB, None)): 3, (31, (WEB, None)): 2}, channel=WEB)
@pytest.mark.parametrize("country", [None, "DE", "FR"])
def test_each_day_s_price_and_reduction_are_what_a_diary_says(country, base, changes, channel):
    """The oracle writes down each day's price, and looks back in what it wrote."""
    book = a_book(
        *(
            a_change(day, minor, channel=where, countries=(land,) if land else ())
            for (day, (where, land)), minor in changes.items()
        ),
        prices={} if base is None else {"EUR": base},
    )
    diary = written(base, changes, channel, country)

    for day in range(DAYS + 35):
        found = book.at(on(day), channel=channel, country=country)
        assert found.packages[0].prices.get("EUR") == diary[day]
        assert found.reduced_from.get("coins_100", {}).get("EUR") == shown_on(day, diary)


def written(base, changes, channel, country):
    """Write down what the most particular price says on each day, from a month before the first."""
    newest, diary = {(WEB, None): base}, {}
    for day in range(-31, DAYS + 35):
        newest |= {scope: minor for (on_day, scope), minor in changes.items() if on_day == day}
        own = [(channel, country), (channel, None), (WEB, country), (WEB, None)]
        diary[day] = next((newest[scope] for scope in own if newest.get(scope)), None)
    return diary


def shown_on(day, diary):
    """Look back to the last other price, and to the thirty days before the present one."""
    if diary[day] is None:
        return None
    first = day
    while diary.get(first - 1) == diary[day]:
        first -= 1
    if day - first >= 30 or first - 1 not in diary:
        return None
    month = [diary[each] for each in range(first - 30, first) if diary.get(each) is not None]
    is_lower = bool(month) and diary[day] < min(month)
    return min(month) if is_lower else None


amounts = st.integers(1, 10**9)


@given(
    offers=st.lists(st.tuples(amounts, st.integers(1, 10_000), st.integers(0, 500)), min_size=1),
    per_1000=st.none() | amounts,
    coins=st.integers(1, 10**6),
)
def test_no_offer_makes_a_gift_dearer_than_it_is_shown(offers, per_1000, coins):
    """In fractions: no offer's coin costs more, one costs as much, and less than one is added."""
    packages = tuple(
        Package(f"p{number}", bought, {"EUR": paid}, bonus_coins=bonus)
        for number, (paid, bought, bonus) in enumerate(offers)
    )
    custom = per_1000 and CustomPackage("custom", 1, 10**6, {"EUR": per_1000}, {"EUR": 10**12})
    book = PriceBook(packages, custom or None)

    found = book.coin_price(START, channel=WEB, country=None, currency="EUR")

    real = [Fraction(paid, bought + bonus) for paid, bought, bonus in offers]
    real += [Fraction(per_1000, 1_000)] if per_1000 else []
    worth = max(real) * coins
    assert found is not None
    assert worth <= found.of(coins) < worth + 1
    assert type(found.of(coins)) is int


def test_what_is_not_sold_has_no_price():
    package = Package("coins_100", 100, {"EUR": 100}, enabled=False)
    book = PriceBook((package,), currencies=Currencies(("EUR",), {}))

    assert book.coin_price(START, channel=WEB, country=None, currency="EUR") is None
    assert book.coin_price(START, channel=WEB, country=None) is None


@pytest.mark.parametrize(
    ("prices", "usual"), [({"JPY": 160, "USD": 99}, "USD"), ({"JPY": 9}, "JPY")]
)
def test_without_currencies_by_country_the_usual_one_is_one_that_is_sold(prices, usual):
    found = a_book(prices=prices).offered(START, channel=WEB, country="DE")

    assert found.choose_currency(None) == usual


def test_the_price_of_a_coin_changes_with_the_prices():
    book = a_book(a_change(10, 150))

    found = [book.coin_price(on(day), channel=WEB, country="DE", currency="EUR") for day in (9, 10)]
    assert [one.of(3) for one in found] == [3, 5]


BASE = """
[[packages]]
sku = "coins_100"
coins = 100
prices = { EUR = 100 }

[[price_changes]]
effective_from = 2026-12-01T00:00:00+01:00
prices.coins_100 = { EUR = 90 }
"""


def read(text):
    return TypeAdapter(PriceBook).validate_python(tomllib.loads(text))


def test_a_file_with_changes_can_be_read():
    book = read(BASE + 'channel = "ios"\ncountries = ["DE"]\n')

    assert price(book, 350, channel=IOS, country="DE") == 90


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        (("T00:00:00+01:00", ""), "has no offset"),
        (("T00:00:00+01:00", "T00:00:00"), "has no offset"),
        (("EUR = 90", "EUR = 0"), "a price in EUR is not one"),
        (("EUR = 90", "EUR = -5"), "a price in EUR is not one"),
        (("EUR = 90", "EUX = 90"), "no currency"),
        (("EUR = 90", "EUR = 90.5"), "EUR"),
        (("prices.coins_100 = { EUR = 90 }", "prices.coins_1 = { EUR = 90 }"), "no packages"),
        (("prices.coins_100 = { EUR = 90 }", "prices = {}"), "names no price"),
        (("prices.coins_100 =", "price.coins_100 ="), "price"),
        (("sku =", "chanels = ['ios']\nsku ="), "chanels"),
        (("sku =", "channels = ['iphone']\nsku ="), "channels"),
        (("effective_from", 'chanel = "ios"\neffective_from'), "chanel"),
        (("effective_from", 'channel = "IOS"\neffective_from'), "channel"),
        (("effective_from", 'countries = ["UK"]\neffective_from'), "no countries"),
        (("[[price_changes]]", "[[price_change]]"), "price_change"),
    ],
    ids=lambda mistake: " to ".join(mistake) if isinstance(mistake, tuple) else None,
)
def test_a_mistake_in_a_change_stops_the_service_and_is_named(mistake, told):
    assert mistake[0] in BASE

    with pytest.raises(ValidationError, match=told):
        read(BASE.replace(*mistake))


@pytest.mark.parametrize("second", [a_change(10, 80), a_change(10, 80, countries=("DE",))])
def test_two_changes_of_one_moment_may_not_name_the_same_price(second):
    first = a_change(10, 90, countries=second.countries)

    with pytest.raises(AssertionError, match="same price"):
        a_book(first, second)
    a_book(first, a_change(10, 80, channel=IOS, countries=second.countries))
