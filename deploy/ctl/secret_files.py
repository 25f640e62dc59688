"""Every secret of an installation, as files that the services read: made once, kept for ever."""

import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.local.databases import SERVICES
from deploy.local.environment import new_webhook_secret
from shared.messaging.topology import user_names, users

FOLDER_MODE = 0o700
# Readable for the services' user, who is not root in the container; the folder keeps others out.
FILE_MODE = 0o444
PASSWORD_BYTES = 32


def write_secrets(folder: Path, users_file: Path) -> list[str]:
    """Make the secrets that are missing, and the broker's users from them; return what is new."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    made = [name for name, make in _makers().items() if _write(folder / name, make)]
    if not users_file.exists() or any(name.endswith("_broker_password") for name in made):
        # The hashes are salted anew each time: written only when a password is new.
        _write_users(folder, users_file)
    return made


def rotate_secret(name: str, folder: Path, users_file: Path) -> None:
    """
    Replace one secret by a new one, in the file that is there.

    The same file, not a new one under its name: that is what a container sees change.
    """
    path = folder / name
    path.chmod(FILE_MODE | 0o200)
    path.write_text(_makers()[name]())
    path.chmod(FILE_MODE)
    if name.endswith("_broker_password"):
        _write_users(folder, users_file)


def secret_names() -> list[str]:
    """Return the name of every secret an installation has."""
    return list(_makers())


def _write_users(folder: Path, users_file: Path) -> None:
    passwords = {user: _read(folder / f"{user}_broker_password") for user in user_names()}
    if users_file.exists():
        users_file.chmod(FILE_MODE | 0o200)
    users_file.write_text(json.dumps(users(passwords), indent=2) + "\n")
    users_file.chmod(FILE_MODE)


def _makers() -> Mapping[str, Callable[[], str]]:
    passwords = [
        "postgres_admin_password",
        "auditor_database_password",
        *(f"{service}_owner_password" for service in SERVICES),
        *(f"{service}_database_password" for service in SERVICES),
        *(f"{user}_broker_password" for user in user_names()),
        "sandbox_api_key",
        # What the nodes of a RabbitMQ cluster know each other by.
        "erlang_cookie",
        "grafana_admin_password",
    ]
    return {**dict.fromkeys(passwords, _password), "sandbox_webhook_secret": new_webhook_secret}


def _password() -> str:
    return secrets.token_urlsafe(PASSWORD_BYTES)


def _write(path: Path, make: Callable[[], str]) -> bool:
    """Write a secret unless there is one; whether it was written."""
    try:
        with path.open("x") as file:
            file.write(make())
    except FileExistsError:
        return False
    path.chmod(FILE_MODE)
    return True


def _read(path: Path) -> str:
    return path.read_text().strip()
