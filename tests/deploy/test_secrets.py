"""Secrets are made once and never overwritten."""

import base64
import json
import stat
from pathlib import Path

from deploy.ctl.secret_files import rotate_secret, write_secrets


def test_every_secret_is_made_for_its_reader_only(tmp_path):
    folder, users_file = tmp_path / "secrets", tmp_path / "20-users.json"

    made = write_secrets(folder, users_file)

    assert {path.name for path in folder.iterdir()} == set(made)
    assert {"wallet_owner_password", "wallet_database_password", "wallet_broker_password"} < set(
        made
    )
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}


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


def test_the_broker_knows_its_users_by_hashes_only(tmp_path):
    folder, users_file = tmp_path / "secrets", tmp_path / "20-users.json"
    write_secrets(folder, users_file)

    text = users_file.read_text()
    names = {user["name"] for user in json.loads(text)["users"]}

    assert names == {"purchase", "wallet", "gift", "payout", "live", "ovationctl"}
    assert not any(secret in text for secret in _contents(folder).values())


def test_the_webhook_secret_follows_standard_webhooks(tmp_path):
    write_secrets(tmp_path / "secrets", tmp_path / "20-users.json")

    scheme, _, key = (tmp_path / "secrets" / "sandbox_webhook_secret").read_text().partition("_")

    assert scheme == "whsec"
    assert len(base64.b64decode(key)) == 32


def _contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}
