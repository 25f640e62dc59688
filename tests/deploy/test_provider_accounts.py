"""`ovationctl providers`: accounts at vendors, at a terminal, and the secrets that come of them."""

import asyncio
import json
import stat

import pytest

from deploy.config.secret_files import write_secrets
from tests.fakes.paypal.vendor import PayPal
from tests.fakes.stripe.vendor import Stripe
from tests.terminal import a_terminal

PUBLIC_URL = "https://live.example"
WEBHOOKS = f"{PUBLIC_URL}/v1/webhooks"
CREATE = ("providers", "webhooks", "create", "--service", "purchase")
CREATE_PAYOUT = ("providers", "webhooks", "create", "--service", "payout")


@pytest.fixture
async def stripe():
    async with Stripe() as fake:
        yield fake


@pytest.fixture
async def paypal():
    async with PayPal() as fake:
        yield fake


@pytest.fixture
def secrets(tmp_path, stripe, paypal):
    """The folder of an installation's secrets, with those that vendors gave by hand."""
    folder = tmp_path / "secrets"
    write_secrets(folder, tmp_path / "20-users.json")
    given = folder / "purchase_providers"
    (folder / "payout_providers" / "payout_stripe_eu_api_key").write_text(stripe.api_key)
    (folder / "payout_providers" / "payout_paypal_client_secret").write_text(paypal.secret)
    (given / "purchase_stripe_eu_api_key").write_text(stripe.api_key)
    (given / "purchase_paypal_client_secret").write_text(paypal.secret)
    return given


@pytest.fixture
def ctl(monkeypatch, tmp_path, secrets, stripe, paypal, vhost, postgres, rabbit, credentials):
    """Run a command beside the fakes; return its exit code and what was printed."""
    file = tmp_path / "providers.toml"
    file.write_text(
        f"""
        [[providers]]
        name = "stripe-eu"
        kind = "stripe"
        url = "{stripe.url}"

        [[providers]]
        name = "paypal"
        kind = "paypal"
        client_id = "{paypal.client}"
        url = "{paypal.url}"

        [[providers]]
        name = "sandbox"
        kind = "sandbox"
        url = "${{NOT_THERE}}"
        """
    )
    run = a_terminal(
        monkeypatch, postgres=postgres, rabbit=rabbit, vhost=vhost, secrets=credentials
    )
    monkeypatch.setenv("OVATIONCTL_OPERATOR", "opal")
    monkeypatch.setenv("OVATION_PUBLIC_URL", f"{PUBLIC_URL}/")
    monkeypatch.setenv("OVATION_TEST_PAYMENTS", "true")
    monkeypatch.setenv("PURCHASE_PROVIDERS_FILE", str(file))
    payouts = tmp_path / "payout_providers.toml"
    payouts.write_text(file.read_text().replace('"paypal"\n', '"paypal"\nemail_subject = "x"\n', 1))
    monkeypatch.setenv("PAYOUT_PROVIDERS_FILE", str(payouts))
    monkeypatch.setenv("OVATION_SECRETS_DIR", str(secrets.parent))
    return lambda *arguments: asyncio.to_thread(run, *arguments)


async def checked(ctl, *arguments, service="purchase"):
    code, printed = await ctl("providers", "check", *arguments, "--service", service, "--json")
    return code, {each["provider"]: each for each in json.loads(printed)}


async def test_webhooks_are_created_stored_and_then_nothing_is_wrong(ctl, secrets, stripe, paypal):
    code, before = await checked(ctl)
    assert code == 1
    assert before["stripe-eu"]["account"] == stripe.account
    assert [f"no webhook endpoint sends to {WEBHOOKS}/stripe-eu/payments"] == [
        each for each in before["stripe-eu"]["problems"] if "purchase_stripe" not in each
    ]
    assert "NOT_THERE" in before["sandbox"]["problems"][0]

    printed = ""
    for name in ("stripe-eu", "paypal"):
        code, text = await ctl(*CREATE, name, "--yes")
        assert code == 0
        printed += text

    (endpoint,), (webhook,) = stripe.webhooks.endpoints, paypal.webhooks.endpoints
    assert endpoint.secret not in printed
    assert (secrets / "purchase_stripe_eu_webhook_secret").read_text() == endpoint.secret
    assert (secrets / "purchase_paypal_webhook_id").read_text() == webhook.id
    assert (endpoint.url, webhook.url) == (
        f"{WEBHOOKS}/stripe-eu/payments",
        f"{WEBHOOKS}/paypal/payments",
    )
    for name in ("stripe-eu", "paypal"):
        code, found = await checked(ctl, name)
        assert (code, found[name]["problems"]) == (0, [])


async def test_a_command_that_is_repeated_changes_nothing(ctl, secrets, stripe):
    await ctl(*CREATE, "stripe-eu", "--yes")
    file = secrets / "purchase_stripe_eu_webhook_secret"
    before = file.read_text(), [each.id for each in stripe.webhooks.endpoints]

    code, printed = await ctl(*CREATE, "stripe-eu", "--yes", "--json")

    assert code == 0
    said = json.loads(printed)
    assert (said["is_new"], said["is_stored"]) == (False, False)
    assert (file.read_text(), [each.id for each in stripe.webhooks.endpoints]) == before


async def test_a_secret_that_was_lost_is_replaced_beside_the_one_before(ctl, secrets, stripe):
    await ctl(*CREATE, "stripe-eu", "--yes")
    file = secrets / "purchase_stripe_eu_webhook_secret"
    before = file.read_text()
    file.unlink()
    refused, _ = await ctl(*CREATE, "stripe-eu", "--yes")
    file.write_text(before)

    code, _ = await ctl(*CREATE, "stripe-eu", "--yes", "--replace")

    (endpoint,) = stripe.webhooks.endpoints
    assert (refused, code) == (1, 0)
    assert file.read_text().split() == [endpoint.secret, before]


async def test_the_file_is_for_the_services_inside_a_folder_for_the_operator(ctl, secrets):
    await ctl(*CREATE, "stripe-eu", "--yes")

    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (secrets.parent, secrets, secrets / "purchase_stripe_eu_webhook_secret")
    }
    assert list(modes.values()) == [0o700, 0o755, 0o444]
    assert [each.name for each in secrets.iterdir() if each.name.startswith(".")] == []


async def test_who_created_a_webhook_is_in_the_audit_log_and_no_secret_is(ctl, stripe):
    await ctl(*CREATE, "stripe-eu", "--yes")

    _, printed = await ctl("audit", "--json")

    (endpoint,) = stripe.webhooks.endpoints
    lines = json.loads(printed)
    assert [(line["state"], line["operator"]) for line in lines] == [
        ("begun", "opal"),
        ("done", "opal"),
    ]
    assert (lines[1]["provider"], lines[1]["webhook"]) == ("stripe-eu", endpoint.id)
    assert endpoint.secret not in printed
    assert stripe.api_key not in printed


async def test_without_the_audit_log_nothing_is_created(ctl, monkeypatch, stripe):
    monkeypatch.setenv("OVATIONCTL_BROKER", "127.0.0.1:9")

    code, _ = await ctl(*CREATE, "stripe-eu", "--yes")

    assert code == 3
    assert stripe.webhooks.endpoints == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("providers", "check", "nobody"), 2),
        ((*CREATE, "nobody", "--yes"), 2),
        ((*CREATE, "sandbox", "--yes"), 2),
        ((*CREATE, "stripe-eu"), 2),
    ],
)
async def test_what_cannot_be_done_is_refused(ctl, monkeypatch, stripe, arguments, code):
    monkeypatch.setenv("NOT_THERE", "http://127.0.0.1:9")
    monkeypatch.setenv("PURCHASE_SANDBOX_API_KEY", "key")

    assert (await ctl(*arguments))[0] == code
    assert stripe.webhooks.endpoints == []


async def test_keys_of_another_environment_are_a_problem(ctl, monkeypatch):
    monkeypatch.delenv("OVATION_TEST_PAYMENTS")

    code, found = await checked(ctl)

    assert code == 1
    assert "moves real money" in found["paypal"]["problems"][0]


async def test_providers_that_pay_out_have_webhooks_and_secrets_of_their_own(
    ctl, secrets, stripe, paypal
):
    for name in ("stripe-eu", "paypal"):
        code, _ = await ctl(*CREATE_PAYOUT, name, "--yes")
        assert code == 0
        code, found = await checked(ctl, name, service="payout")
        assert (code, found[name]["problems"], found[name]["service"]) == (0, [], "payout")

    (endpoint,), (webhook,) = stripe.webhooks.endpoints, paypal.webhooks.endpoints
    own = secrets.parent / "payout_providers"
    assert (own / "payout_stripe_eu_webhook_secret").read_text() == endpoint.secret
    assert (own / "payout_paypal_webhook_id").read_text() == webhook.id
    assert endpoint.url == f"{WEBHOOKS}/stripe-eu/transfers"
    assert endpoint.kinds == {"transfer.created", "transfer.updated", "transfer.reversed"}
    assert "PAYMENT.PAYOUTS-ITEM.UNCLAIMED" in webhook.kinds


async def test_a_name_of_two_services_is_no_answer_to_which_one(ctl, stripe):
    code, _ = await ctl("providers", "webhooks", "create", "stripe-eu", "--yes")

    assert code == 2
    assert stripe.webhooks.endpoints == []
