"""The margins that the command prints equal those computed by hand."""

import json
from fractions import Fraction

import pytest
from typer.testing import CliRunner

from deploy.config.environment import ROOT
from deploy.ctl.__main__ import app
from deploy.ctl.economics import read_economics

SEEDS = ROOT / "seeds"
CHANNELS = (
    *("card 2.9% + $0.30", "store 15%", "store 30%", "store 30%, VAT 20%"),
    "store 30%, VAT 27%",
)
# Cents that are left, and tenths of a percent of the price, in the order of the channels.
BY_HAND = {
    "coins_100": ((16, 163), (34, 345), (19, 195), (8, 78), (5, 46)),
    "coins_1000": ((440, 440), (349, 349), (199, 199), (83, 83), (51, 51)),
    "coins_10000": ((4679, 468), (3499, 350), (1999, 200), (833, 83), (511, 51)),
}


def economics(*arguments):
    done = CliRunner().invoke(app, ["economics", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def document(*arguments):
    done = economics("--json", *arguments)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize("sku", BY_HAND)
def test_the_shipped_prices_leave_what_was_computed_by_hand(sku):
    found = {
        each["channel"]: (each["margin_minor"], each["margin_permille"])
        for each in document()["margins"]
        if each["sku"] == sku
    }

    assert found == dict(zip(CHANNELS, BY_HAND[sku], strict=True))


def test_people_read_the_same_figures_and_what_they_mean():
    done = economics()

    words = " ".join(done.stdout.replace("│", " ").split())
    assert done.exit_code == 0
    assert "coins_100 100 0.99 USD 0.16 (16.3%) 0.34 (34.5%) 0.19 (19.5%) 0.08 (7.8%) 0.05" in words
    assert "to the nearest minor unit" in words
    assert "a diamond may be worth 0.00546 USD" in words
    assert "at most 545 minor units of USD for 1,000, rounded down" in words


def test_a_sale_that_loses_money_is_named():
    assert "Loses money: 50 coins of custom by card 2.9% + $0.30." in economics().stdout
    (least,) = [each for each in document()["margins"] if each["coins"] == 50]
    # 50 cents, less 1.45 and 30 to the card's processor, less 25 to the creator.
    assert (least["channel"], least["margin_minor"]) == ("card 2.9% + $0.30", -6)


def test_the_break_even_value_is_of_the_worst_channel_and_leaves_nothing():
    files = (SEEDS / f"{name}.toml" for name in ("packages", "rules", "rates", "economics"))
    value, sale, channel = read_economics(*files, "USD").break_even()

    # 0.99 / 1.27 x 0.70 / 100
    assert value == Fraction(693, 1270)
    assert (sale.sku, channel.name) == ("coins_100", "store 30%, VAT 27%")


def test_another_currency_needs_a_rate_and_uses_it():
    euros = {
        each["channel"]: each["margin_minor"]
        for each in document("--currency", "EUR")["margins"]
        if each["sku"] == "coins_100"
    }
    refused = economics("--currency", "JPY")

    # A diamond is 0.46 cents at 0.92 EUR for one USD; the card's fixed fee 27.6 cents.
    assert euros["store 15%"] == 38  # 84.15 - 46
    assert euros["card 2.9% + $0.30"] == 23  # 99 - 2.871 - 27.6 - 46
    assert refused.exit_code == 2
    assert "no rate from USD to JPY" in refused.stderr


def test_yen_and_dinars_keep_their_own_decimals(tmp_path):
    packages, rules = tmp_path / "packages.toml", tmp_path / "rules.toml"
    packages.write_text(
        '[[packages]]\nsku = "few"\ncoins = 100\nbonus_coins = 10\n'
        "prices = { USD = 99, JPY = 160, KWD = 305 }\n"
    )
    rules.write_text(
        "[exchange_rates.parts_per_million]\nUSD = { JPY = 150000000, KWD = 300000 }\n"
    )
    files = ("--packages", str(packages), "--rules", str(rules))

    yen = document("--currency", "JPY", *files)["margins"]
    dinars = document("--currency", "KWD", *files)["margins"]

    # 110 diamonds, the bonus too, are 0.55 USD: 82.5 yen, 165 fils. Of 160 yen a store leaves 136.
    assert [each["margin_minor"] for each in yen if each["channel"] == "store 15%"] == [54]
    # Of 305 fils it leaves 259.25.
    assert [each["margin_minor"] for each in dinars if each["channel"] == "store 15%"] == [94]
    assert "160 JPY" in economics("--currency", "JPY", *files).stdout
    assert "0.094" in economics("--currency", "KWD", *files).stdout


def test_channels_come_from_another_file_if_one_is_named(tmp_path):
    own = tmp_path / "channels.toml"
    own.write_text(
        '[[channels]]\nname = "wallet"\nfee_bp = 100\nfee_base = "price"\ntax_bp = 2500\n'
    )
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('[[channels]]\nname = "wallet"\nfee_bp = 100\nfee_base = "all"\ntax_bp = 0\n')

    found = document("--channels", str(own))["margins"]

    # 99 / 1.25 = 79.2; 1 % of 99 is 0.99; 50 to the creator.
    assert (found[0]["channel"], found[0]["margin_minor"]) == ("wallet", 28)
    assert economics("--channels", str(wrong)).exit_code == 2


@pytest.mark.parametrize("currency", ["XYZ", "CHF", "coins"])
def test_a_currency_in_which_nothing_is_sold_is_refused(currency):
    assert economics("--currency", currency).exit_code == 2
