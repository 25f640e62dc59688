"""The doctor names secrets, keys and rules that cannot be used, and practice money in earnest."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.config.secret_files import write_secrets
from deploy.ctl.doctor.findings import State
from tests.deploy.doctor.conftest import NOWHERE, ROOT, found, problem


@pytest.fixture
def secret_files(tmp_path, healthy):
    folder = tmp_path / "secrets"
    write_secrets(folder, tmp_path / "20-users.json")
    return replace(healthy, secrets=folder), folder


async def test_secret_files_that_are_missing_empty_or_open_to_all(secret_files):
    examined, folder = secret_files
    assert await found(examined, "secret-files") == []
    (folder / "gift_owner_password").unlink()
    (folder / "erlang_cookie").chmod(0o644)
    (folder / "erlang_cookie").write_text("\n")

    findings = {
        Path(each.place).name: each.problem for each in await found(examined, "secret-files")
    }
    assert findings == {
        "gift_owner_password": "the file is missing",
        "erlang_cookie": "the file is empty",
    }

    folder.chmod(0o755)
    findings = await found(examined, "secret-files")
    opened = [each for each in findings if "every user of this machine" in each.problem]
    assert {"postgres_admin_password", "wallet_broker_password"} <= {
        Path(each.place).name for each in opened
    }
    assert opened[0].action == f"chmod 0700 {folder}"


async def test_keys_of_an_issuer_that_cannot_be_used(healthy, system, monkeypatch):
    monkeypatch.setenv("OVATION_JWKS_URL", f"http://{NOWHERE}/keys")
    assert "no usable key at" in await problem(healthy, "issuer-keys")

    monkeypatch.setenv("OVATION_JWKS_URL", f"{system.gateway_url}/openapi.json")
    assert "no usable key at" in await problem(healthy, "issuer-keys")

    monkeypatch.delenv("OVATION_JWKS_URL")
    (finding,) = await found(healthy, "issuer-keys")
    assert finding.state is State.UNKNOWN


async def test_keys_over_http_without_leave(healthy, monkeypatch):
    monkeypatch.delenv("OVATION_ALLOW_INSECURE_ISSUER")

    assert "can sign any token" in await problem(healthy, "issuer-keys")


async def test_rules_that_a_service_would_not_start_with(healthy, tmp_path):
    rules = tmp_path / "rules.toml"
    shutil.copy(ROOT / "seeds" / "rules.toml", rules)
    rules.write_text(rules.read_text().replace("[payout_reviews]", "[payout_review]"))
    broken = replace(healthy, seeds={**healthy.seeds, "PAYOUT_RULES_FILE": rules})

    assert "PAYOUT_RULES_FILE cannot be used" in await problem(broken, "seeds")


async def test_practice_money_at_a_public_address(healthy):
    public = replace(healthy, public_url="https://coins.example")

    assert "practice money buys coins there" in await problem(public, "test-payments")


async def test_a_test_key_where_real_money_moves(secret_files):
    examined, folder = secret_files
    key = folder / "purchase_providers" / "purchase_stripe_api_key"
    key.write_text("sk_test_1")

    live = replace(examined, takes_test_payments=False)
    assert "a key of the provider's test environment" in await problem(live, "test-payments")
