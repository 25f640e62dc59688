"""What `seeds/payout_providers.toml` lists, its examples included, and which provider pays whom."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from services.payout.domain.methods import Method, MethodNotOffered, Methods
from services.payout.providers.accounts import ACCOUNTS
from services.payout.providers.bank_file import BankFileProvider
from services.payout.providers.installed import KINDS, read_providers
from services.payout.providers.paypal_payouts import PayPalPayoutsProvider
from services.payout.providers.sandbox import SandboxProvider
from services.payout.providers.stripe_connect import StripeConnectProvider
from shared.keyring import new_key
from shared.vendors.accounts import AccountReport, build_account
from shared.vendors.installations import read_sections
from tests.payout.conftest import SECRET

SEEDS = Path(__file__).parent.parent.parent / "seeds"
# A line of an example: a section's head, or a name and its value.
EXAMPLE = re.compile(r"^# (?=\[\[|[a-z_]+ = )", re.MULTILINE)


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The seeds with their examples, and all secrets of these."""
    made = tmp_path / "payout_providers.toml"
    made.write_text(EXAMPLE.sub("", (SEEDS / "payout_providers.toml").read_text()))
    values = {
        "PAYOUT_PROVIDER_URL": "http://127.0.0.1:9",
        "PAYOUT_SANDBOX_API_KEY": "key",
        "PAYOUT_SANDBOX_WEBHOOK_SECRET": SECRET,
        "PAYOUT_STRIPE_EU_API_KEY": "rk_test_1",
        "PAYOUT_STRIPE_EU_WEBHOOK_SECRET": "whsec_1",
        "PAYOUT_PAYPAL_CLIENT_SECRET": "secret",
        "PAYOUT_PAYPAL_WEBHOOK_ID": "5GP028458E2496506",
        "PAYOUT_BANK_KEY": new_key(),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return made


async def test_the_examples_of_the_seeds_are_sections_as_they_stand(file):
    installed = read_providers(file, is_live=False)

    assert {section.kind for section in read_sections(file, "payout")} == set(KINDS)
    kinds = {name: type(provider) for name, provider in installed.providers.items()}
    assert kinds == {
        "sandbox": SandboxProvider,
        "stripe-eu": StripeConnectProvider,
        "paypal": PayPalPayoutsProvider,
        "bank": BankFileProvider,
    }
    for name, provider in installed.providers.items():
        assert provider.name == name
        await provider.close()


def test_each_kind_has_an_account_that_can_be_asked():
    assert set(ACCOUNTS) == set(KINDS)


async def test_the_account_of_a_bank_file_is_the_one_it_is_paid_from(file):
    (bank,) = (each for each in read_sections(file, "payout") if each.kind == "bank_file")
    account = build_account(bank.kind, bank.installation(is_live=True), ACCOUNTS)

    assert await account.check("https://pay.example/v1/webhooks/bank/transfers") == AccountReport(
        account="Example Live Ltd., IE29AIBK93115212345678",
        environment="live",
        webhook="none: an operator brings the bank's reports",
    )
    await account.close()


async def test_practice_pays_from_no_account_of_the_operators(file):
    (bank,) = (each for each in read_sections(file, "payout") if each.kind == "bank_file")
    account = build_account(bank.kind, bank.installation(is_live=False), ACCOUNTS)

    report = await account.check("https://pay.example/v1/webhooks/bank/transfers")

    assert (report.account, report.environment) == (
        "Practice, no money, GB05TEST00000000000000",
        "practice",
    )


@pytest.mark.parametrize("key", ["rk_test_1", "sk_live_1\nsk_test_1", "pk_live_1"])
def test_real_money_needs_a_key_of_live_mode_and_the_vendor_itself(file, monkeypatch, key):
    monkeypatch.setenv("PAYOUT_STRIPE_EU_API_KEY", key)

    with pytest.raises(AssertionError):
        read_providers(file, is_live=True)


@pytest.mark.parametrize(
    ("kind", "about"), [("stripe", ""), ("paypal", 'client_id = "c"\nemail_subject = "s"\n')]
)
def test_a_fake_sends_no_real_money(tmp_path, file, monkeypatch, kind, about):
    monkeypatch.setenv("PAYOUT_PAYPAL_API_KEY", "sk_live_1")
    made = tmp_path / "fake.toml"
    made.write_text(
        f'[[providers]]\nname = "paypal"\nkind = "{kind}"\nurl = "http://127.0.0.1:9"\n{about}'
        '[[methods]]\nprovider = "paypal"\n'
    )
    monkeypatch.setenv("PAYOUT_PAYPAL_WEBHOOK_SECRET", "whsec_1")

    with pytest.raises(AssertionError, match="no other url"):
        read_providers(made, is_live=True)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('[[methods]]\nprovider = "nobody"\n', "nobody"),
        ('[[methods]]\nprovider = "sandbox"\ncountries = ["XX"]\n', "no countries"),
        ('[[methods]]\nprovider = "sandbox"\ncurrencies = ["XXX"]\n', "XXX"),
    ],
)
def test_a_mistake_in_the_file_stops_the_service(file, wrong, said):
    file.write_text(file.read_text() + wrong)

    with pytest.raises((AssertionError, ValueError), match=said):
        read_providers(file, is_live=False)


def test_a_number_that_is_missing_is_named(file):
    file.write_text(file.read_text().replace("remembers_keys_seconds = 86400\n", ""))

    with pytest.raises(AssertionError, match="remembers_keys_seconds"):
        read_providers(file, is_live=False)


def test_the_first_method_that_fits_a_creator_counts():
    methods = Methods(
        (
            Method("stripe-eu", currencies=("EUR",), countries=("DE", "FR")),
            Method("paypal", currencies=("EUR", "USD")),
        )
    )

    assert methods.provider_for("EUR", "DE") == "stripe-eu"
    assert methods.provider_for("EUR", "BR") == "paypal"
    assert methods.provider_for("EUR", None) == "paypal"
    with pytest.raises(MethodNotOffered):
        methods.provider_for("JPY", "DE")


def test_the_sections_of_the_seeds_have_no_secrets():
    listed = tomllib.loads((SEEDS / "payout_providers.toml").read_text())

    assert TypeAdapter(Methods).validate_python({"listed": listed["methods"]})
    assert not {key for section in listed["providers"] for key in section} & {"api_key", "secret"}
