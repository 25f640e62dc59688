"""Secrets are made once and never overwritten."""

import base64
import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.config.secret_files import (
    forget_before,
    rotate_secret,
    write_secrets,
)
from deploy.config.services import DATABASES
from deploy.ctl.__main__ import app
from deploy.ctl.commands import operations


def test_every_secret_is_made_for_its_reader_only(tmp_path):
    folder, users_file = tmp_path / "secrets", tmp_path / "20-users.json"

    made = write_secrets(folder, users_file)

    files = [path for path in folder.iterdir() if path.is_file()]
    assert {path.name for path in files} == set(made)
    assert {"wallet_owner_password", "wallet_database_password", "wallet_broker_password"} < set(
        made
    )
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o444}
    # What providers need is in a folder of its own, which a container may see.
    folders = {
        each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir() if each.is_dir()
    }
    assert folders == {"payout_providers": 0o755, "purchase_providers": 0o755}


def test_secrets_that_are_there_are_kept(tmp_path):
    folder, users_file = tmp_path / "secrets", tmp_path / "20-users.json"
    write_secrets(folder, users_file)
    before = _contents(folder) | {"users": users_file.read_text()}

    assert write_secrets(folder, users_file) == []
    assert _contents(folder) | {"users": users_file.read_text()} == before


def test_a_secret_that_was_lost_is_made_anew_and_the_others_kept(tmp_path):
    folder, users_file = tmp_path / "secrets", tmp_path / "20-users.json"
    write_secrets(folder, users_file)
    before = _contents(folder)
    (folder / "gift_broker_password").unlink()

    assert write_secrets(folder, users_file) == ["gift_broker_password"]

    after = _contents(folder)
    assert after.pop("gift_broker_password") != before.pop("gift_broker_password")
    assert after == before


def test_a_new_secret_is_written_into_the_file_that_is_there(tmp_path):
    """A container that has the file mounted sees its content change; another file it never sees."""
    folder, users_file = tmp_path / "secrets", tmp_path / "20-users.json"
    write_secrets(folder, users_file)
    before, users_before = _contents(folder), users_file.read_text()
    files = {path: path.stat().st_ino for path in (folder / "gift_broker_password", users_file)}

    rotate_secret("gift_broker_password", folder, users_file)

    after = _contents(folder)
    assert after.pop("gift_broker_password") != before.pop("gift_broker_password")
    assert after == before
    assert users_file.read_text() != users_before
    for path, inode in files.items():
        assert path.stat().st_ino == inode
        assert stat.S_IMODE(path.stat().st_mode) == 0o444


def test_a_secret_that_services_use_keeps_the_one_before_in_its_next_line(tmp_path):
    folder, users_file = tmp_path / "secrets", tmp_path / "20-users.json"
    write_secrets(folder, users_file)
    for name in (
        "wallet_database_password",
        "gift_broker_password",
        "sandbox_payments_webhook_secret",
        "purchase_webhook_archive_key",
        "webhooks_secrets_key",
    ):
        eldest = (folder / name).read_text()

        rotate_secret(name, folder, users_file)
        first, before = (folder / name).read_text().split("\n")
        rotate_secret(name, folder, users_file)
        second, replaced = (folder / name).read_text().split("\n")

        assert (before, replaced) == (eldest, first)
        assert len({eldest, first, second}) == 3
        assert forget_before(name, folder)
        assert not forget_before(name, folder)
        assert (folder / name).read_text() == second


def test_nobody_keeps_a_password_that_only_commands_use(tmp_path):
    folder, users_file = tmp_path / "secrets", tmp_path / "20-users.json"
    write_secrets(folder, users_file)
    for name in ("wallet_owner_password", "auditor_database_password", "grafana_admin_password"):
        before = (folder / name).read_text()

        rotate_secret(name, folder, users_file)

        assert before not in (folder / name).read_text()
        assert len((folder / name).read_text().splitlines()) == 1


def test_a_secret_may_come_from_who_issued_it(tmp_path, monkeypatch):
    folder, users_file = tmp_path / "secrets", tmp_path / "20-users.json"
    write_secrets(folder, users_file)
    monkeypatch.setattr(operations, "SECRETS", folder)
    monkeypatch.setattr(operations, "USERS_FILE", users_file)
    before = (folder / "sandbox_payments_key").read_text()

    command = ["rotate", "sandbox_payments_key", "--given"]
    given = CliRunner().invoke(app, command, input="from-the-provider\n")
    nothing = CliRunner().invoke(app, command, input="\n")

    assert (given.exit_code, nothing.exit_code) == (0, 2)
    assert "from-the-provider" not in given.output
    assert (folder / "sandbox_payments_key").read_text() == f"from-the-provider\n{before}"
    CliRunner().invoke(app, ["rotate", "sandbox_payments_key", "--forget", "--yes"])
    assert (folder / "sandbox_payments_key").read_text() == "from-the-provider"


def test_a_key_of_a_payment_provider_is_replaced_beside_the_one_before(tmp_path, monkeypatch):
    write_secrets(tmp_path, tmp_path / "20-users.json")
    monkeypatch.setattr(operations, "SECRETS", tmp_path)
    key = tmp_path / "purchase_providers" / "purchase_stripe_eu_api_key"
    key.write_text("sk_live_old\n")
    command = ["rotate", key.name]

    invented = CliRunner().invoke(app, [*command, "--yes"])
    given = CliRunner().invoke(app, [*command, "--given"], input="sk_live_new\n")
    both = key.read_text()
    CliRunner().invoke(app, [*command, "--forget", "--yes"])

    assert (invented.exit_code, given.exit_code) == (2, 0)
    assert both == "sk_live_new\nsk_live_old"
    assert key.read_text() == "sk_live_new"


@pytest.mark.parametrize(
    "name", ["../20-users.json", "nothing", "purchase_app_store_signing_key", "payout_nothing"]
)
def test_a_file_that_is_no_such_secret_is_not_touched(tmp_path, monkeypatch, name):
    write_secrets(tmp_path, tmp_path / "20-users.json")
    monkeypatch.setattr(operations, "SECRETS", tmp_path)
    key = tmp_path / "purchase_providers" / "purchase_app_store_signing_key"
    key.write_text("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n")
    before = key.read_text(), (tmp_path / "20-users.json").read_text()

    done = CliRunner().invoke(app, ["rotate", name, "--given"], input="other\n")

    assert done.exit_code == 2
    assert (key.read_text(), (tmp_path / "20-users.json").read_text()) == before


def test_what_the_provider_gave_goes_on_working_until_each_use_has_its_own(tmp_path):
    """One key did for both in the version before; a made-up one would open nothing."""
    folder, users_file = tmp_path / "secrets", tmp_path / "20-users.json"
    folder.mkdir()
    (folder / "sandbox_api_key").write_text("of-the-provider")
    (folder / "sandbox_webhook_secret").write_text("whsec_b2YtdGhlLXByb3ZpZGVy")

    write_secrets(folder, users_file)

    assert (folder / "sandbox_payments_key").read_text() == "of-the-provider"
    assert (folder / "sandbox_transfers_key").read_text() == "of-the-provider"
    assert (folder / "sandbox_transfers_webhook_secret").read_text().startswith("whsec_b2Y")


def test_each_use_of_the_provider_has_a_key_and_a_secret_of_its_own(tmp_path):
    folder = tmp_path / "secrets"
    write_secrets(folder, tmp_path / "20-users.json")

    made = [path.read_text() for path in folder.glob("sandbox_*")]
    assert len(made) == len(set(made)) == 4


def test_the_broker_knows_its_users_by_hashes_only(tmp_path):
    folder, users_file = tmp_path / "secrets", tmp_path / "20-users.json"
    write_secrets(folder, users_file)

    text = users_file.read_text()
    names = {user["name"] for user in json.loads(text)["users"]}

    assert names == {*DATABASES, "ovationctl", "auditor"}
    assert not any(secret in text for secret in _contents(folder).values())


def test_the_webhook_secret_follows_standard_webhooks(tmp_path):
    write_secrets(tmp_path / "secrets", tmp_path / "20-users.json")

    scheme, _, key = (
        (tmp_path / "secrets" / "sandbox_payments_webhook_secret").read_text().partition("_")
    )

    assert scheme == "whsec"
    assert len(base64.b64decode(key)) == 32


def _contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
