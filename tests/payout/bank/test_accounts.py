"""A bank account is checked, nobody can read it, and it pays nobody but its own creator."""

from uuid import uuid4

import pytest

from services.payout.domain.bank_accounts import PRACTICE_DEBTOR, Debtor, is_iban
from services.payout.providers.payment_files import plain
from shared.http.provider_client import ProviderRejected
from tests.payout.bank.conftest import (
    IBANS,
    OPTIONS,
    WHY,
    a_bank,
    diamonds_of,
    leave_account,
    reason_of,
    state_of,
)
from tests.payout.bank.pretend import payments_of

ACCOUNT = "/v1/payouts/bank-account"
# The examples of the IBAN registry (SWIFT, release 98), of all countries of SEPA.
REGISTRY = """
    AD1200012030200359100100 AL47212110090000000235698741 AT611904300234573201
    BE68539007547034 BG80BNBG96611020345678 CH9300762011623852957
    CY17002001280000001200527600 CZ6508000000192000145399 DE89370400440532013000
    DK5000400440116243 EE382200221020145685 ES9121000418450200051332 FI2112345600000785
    FR1420041010050500013M02606 GB29NWBK60161331926819 GI75NWBK000000007099453
    GR1601101250000000012300695 HR1210010051863000160 HU42117730161111101800000000
    IE29AIBK93115212345678 IS140159260076545510730339 IT60X0542811101000000123456
    LI21088100002324013AA LT121000011101001000 LU280019400644750000 LV80BANK0000435195001
    MC5811222000010123456789030 MD24AG000225100013104168 ME25505000012345678951
    MK07250120000058984 MT84MALT011000012345MTLCAST001S NL91ABNA0417164300 NO9386011117947
    PL61109010140000071219812874 PT50000201231234567890154 RO49AAAA1B31007593840000
    RS35260005601001611379 SE4550000000058398257466 SI56263300012039086
    SK3112000000198742637541 SM86U0322509800000000270100 VA59001123000012345678
    XK051212012345678906
"""
EXAMPLES = REGISTRY.split()


@pytest.mark.parametrize("iban", EXAMPLES)
def test_an_account_of_each_country_of_sepa_is_known(iban):
    assert is_iban(iban)


@pytest.mark.parametrize("iban", EXAMPLES[:3] + EXAMPLES[-3:])
def test_one_wrong_character_makes_another_number(iban):
    for place in range(2, len(iban)):
        for sign in "0123456789":
            if sign != iban[place]:
                assert not is_iban(iban[:place] + sign + iban[place + 1 :])


@pytest.mark.parametrize(
    "iban",
    [
        "BR1800360305000010009795493C1",  # sound, and of a country that SEPA does not reach
        "DE8937040044053201300",
        "DE893704004405320130000",
        "de89370400440532013000",
        "",
    ],
)
def test_what_sepa_cannot_reach_is_no_account(iban):
    assert not is_iban(iban)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Léa Créatrice", "Lea Creatrice"),
        ("Łukasz Żółć", "Lukasz Zolc"),
        ("Жанна", "Zhanna"),
        ("Søren & Groß <b>", "Soren Gross b"),
        ("a" * 200, "a" * 70),
    ],
)
def test_names_are_written_in_letters_that_every_bank_takes(name, written):
    assert plain(name, 70) == written


DEBTOR = {"name": "Example", "iban": IBANS[0], "bic": "AIBKIE2D", "currency": "EUR"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"iban": "DE89370400440532013001"}, "no IBAN"),
        ({"bic": "AIB"}, "no BIC"),
        ({"currency": "USD"}, "SEPA pays EUR"),
        ({"name": " "}, "set its name"),
        ({"name": 7}, "name is no text"),
        ({"owner": "Example"}, "owner is unknown"),
    ],
)
def test_the_operators_own_account_is_checked_at_the_start(wrong, said):
    assert Debtor.read(DEBTOR).iban == IBANS[0]
    with pytest.raises(AssertionError, match=f"debtor: .*{said}"):
        Debtor.read({**DEBTOR, **wrong})


@pytest.mark.parametrize("missing", DEBTOR)
def test_what_the_operators_own_account_lacks_is_named(missing):
    account = {key: value for key, value in DEBTOR.items() if key != missing}

    with pytest.raises(AssertionError, match=f"debtor: {missing} is missing"):
        Debtor.read(account)


@pytest.mark.parametrize("section", [None, "Example Live Ltd."])
def test_a_bank_without_an_account_of_the_operators_is_none(section):
    with pytest.raises(AssertionError, match="debtor: set name, iban, bic and currency"):
        a_bank(debtor=section)


async def test_practice_pays_from_an_account_that_no_bank_has(cash_out, clerk, bank_in_practice):
    await cash_out()
    made = (await clerk.post("/v1/operator/bank-files", json=WHY)).json()["file"]
    xml = (await clerk.get(f"/v1/operator/bank-files/{made}")).text

    assert len(payments_of(xml.encode())[1]) == 1
    assert bank_in_practice.rules.debtor == PRACTICE_DEBTOR
    assert is_iban(PRACTICE_DEBTOR.iban)
    assert PRACTICE_DEBTOR.iban in xml
    assert OPTIONS["debtor"]["iban"] not in xml


def test_real_money_is_not_paid_from_an_account_of_practice():
    with pytest.raises(AssertionError, match="real money"):
        a_bank(debtor={**OPTIONS["debtor"], "bic": PRACTICE_DEBTOR.bic})


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ({"holder": "Lea", "iban": "DE89370400440532013001"}, "iban-invalid"),
        ({"holder": "Lea", "iban": "BR1800360305000010009795493C1"}, "iban-invalid"),
        ({"holder": "***", "iban": IBANS[0]}, "holder-invalid"),
    ],
)
async def test_what_no_bank_takes_is_refused_before_it_is_stored(lea, execute, account, code):
    refused = await lea.put(ACCOUNT, json=account)

    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert await execute("SELECT * FROM bank_accounts") == []


async def test_an_account_can_be_read_by_nobody(lea, execute):
    shown = await lea.put(ACCOUNT, json={"holder": "Léa", "iban": "DE89 3704 0044 0532 0130 00"})

    assert shown.json()["iban"] == "*" * 18 + "3000"
    (row,) = await execute("SELECT bank_accounts::text AS all, encrypted FROM bank_accounts")
    for secret in ("Léa", "DE89", "0532013000"):
        assert secret not in row.all
        assert secret.encode() not in row.encrypted


async def test_the_same_account_again_has_the_same_token(lea):
    first = await lea.put(ACCOUNT, json={"holder": "Lea", "iban": IBANS[0]})
    again = await lea.put(ACCOUNT, json={"holder": "Lea", "iban": IBANS[0].lower()})
    other = await lea.put(ACCOUNT, json={"holder": "Lea", "iban": IBANS[1]})

    assert first.json() == again.json()
    assert first.json()["destination"] != other.json()["destination"]


async def test_a_creator_leaves_so_many_accounts_a_day(lea):
    answers = [
        await lea.put(ACCOUNT, json={"holder": f"Lea {name}", "iban": IBANS[0]})
        for name in "abcdef"
    ]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]


async def test_nobody_is_paid_into_the_account_of_anothers_token(lea, creator, cash_out):
    """A token is a secret, and even who knows it cannot use it."""
    token = await leave_account(await creator("ada"))
    payout = await cash_out(destination=token)

    assert await state_of(lea, payout) == "failed"
    assert await reason_of(lea, payout) == "account-unknown"
    assert await diamonds_of(lea) == (3_000, 0)


async def test_a_currency_that_the_bank_does_not_pay_is_refused(bank):
    with pytest.raises(ProviderRejected, match="currency-unsupported"):
        await bank.submit(uuid4(), amount_minor=1, currency="SEK", destination="bank_1")
