"""
Every secret of an installation, as files that the services read: made once, kept until rotated.

What a running service presents or accepts keeps the value before it while it is replaced.
"""

import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.config.databases import archiver_of
from deploy.config.environment import new_webhook_secret
from deploy.config.services import DATABASES, PAYING, SEALED
from shared.keyring import new_key
from shared.messaging.topology import user_names, users
from shared.secrets import values_of
from shared.vendors.installations import providers_folder

FOLDER_MODE = 0o700
# Readable for the services' user, who is not root in the container; the folder keeps others out.
FILE_MODE = 0o444
# What encrypts webhooks as they came.
ARCHIVE_KEY = "purchase_webhook_archive_key"
# What encrypts the secrets of other teams' endpoints.
ENDPOINT_SECRETS_KEY = "webhooks_secrets_key"
_ENCRYPTING = (ARCHIVE_KEY, ENDPOINT_SECRETS_KEY)
# What live shows to the host application when it asks for names.
PEOPLE_KEY = "live_people_key"
# Open to the services' user, inside of the folder that keeps others out.
PROVIDERS_FOLDER_MODE = 0o755
PASSWORD_BYTES = 32
TENCENT_TOKEN = "tencent_token"  # noqa: S105 - the name of its file
# What is shared with the payment provider, one for each use: the key that takes money cannot pay
# it out. Beside each is what did for both in the version before. A real provider's goes on working
# until each use is given its own.
WITH_THE_PROVIDER = {
    "sandbox_payments_key": "sandbox_api_key",
    "sandbox_transfers_key": "sandbox_api_key",
    "sandbox_payments_webhook_secret": "sandbox_webhook_secret",
    "sandbox_transfers_webhook_secret": "sandbox_webhook_secret",
}


def write_secrets(folder: Path, users_file: Path) -> list[str]:
    """Make the secrets that are missing, and the broker's users from them; return what is new."""
    for service in PAYING:
        make_providers_folder(folder, service)
    made = [
        name
        for name, make in _makers().items()
        if _write(folder / name, _before(folder, name) or make)
    ]
    if not users_file.exists() or any(name.endswith("_broker_password") for name in made):
        # The hashes are salted anew each time: written only when a password is new.
        _write_users(folder, users_file)
    return made


def rotate_secret(name: str, folder: Path, users_file: Path, *, given: str | None = None) -> None:
    """
    Replace one secret by a new one, or by one that was given, in the file that is there.

    The one before stays in the next line where services may still need it; one still older goes.
    """
    new = given or _makers()[name]()
    before = _values(folder / name)[:1] if keeps_the_one_before(name) else []
    _overwrite(folder / name, "\n".join((new, *before)))
    if name.endswith("_broker_password"):
        _write_users(folder, users_file)


def store_provider_secret(folder: Path, name: str, value: str, *, keeps_before: bool) -> None:
    """
    Write a secret that a provider gave us into its file; no other user can read it at any time.

    With `keeps_before` the value before it stays in the next line. The file is a new one that takes
    the place of the old: a service that reads it in this moment reads one or the other.
    """
    path = make_providers_folder(folder, service_of(name)) / name
    before = _values(path)[:1] if keeps_before and path.exists() else []
    lines = [value, *(each for each in before if each != value)]
    made = path.with_name(f".{name}")
    made.unlink(missing_ok=True)
    with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines))
        file.flush()
        os.fsync(file.fileno())
    made.chmod(FILE_MODE)
    made.replace(path)


def make_providers_folder(folder: Path, service: str) -> Path:
    """Make and return the folder of a service's providers' secrets, which it sees as a whole."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    place = folder / providers_folder(service)
    if not place.is_dir():
        place.mkdir()
        place.chmod(PROVIDERS_FOLDER_MODE)
    return place


def service_of(name: str) -> str:
    """Return whose provider a secret is for: its name begins with the service."""
    return name.partition("_")[0]


def forget_before(name: str, folder: Path) -> bool:
    """Keep only the newest value of a secret; whether there was another."""
    newest, *before = _values(folder / name)
    if before:
        _overwrite(folder / name, newest)
    return bool(before)


def keeps_the_one_before(name: str) -> bool:
    """Whether a running service may still use the previous value of this secret."""
    passwords = [
        f"{service}_{of}_password" for service in DATABASES for of in ("database", "broker")
    ]
    return name in (*passwords, *WITH_THE_PROVIDER, TENCENT_TOKEN, *_ENCRYPTING)


def secret_names() -> list[str]:
    """Return the name of every secret an installation has."""
    return list(_makers())


def _write_users(folder: Path, users_file: Path) -> None:
    passwords = {user: _values(folder / f"{user}_broker_password")[0] for user in user_names()}
    _overwrite(users_file, json.dumps(users(passwords), indent=2) + "\n")


def _makers() -> Mapping[str, Callable[[], str]]:
    passwords = [
        "postgres_admin_password",
        "auditor_database_password",
        *(f"{service}_owner_password" for service in DATABASES),
        *(f"{service}_database_password" for service in DATABASES),
        *(f"{archiver_of(service)}_database_password" for service in SEALED),
        *(f"{user}_broker_password" for user in user_names()),
        *(name for name in WITH_THE_PROVIDER if name.endswith("_key")),
        # What the nodes of a RabbitMQ cluster know each other by.
        "erlang_cookie",
        "grafana_admin_password",
        # What Tencent's console signs its calls with, for those who have a room there.
        TENCENT_TOKEN,
        PEOPLE_KEY,
    ]
    signing = [name for name in WITH_THE_PROVIDER if name.endswith("_webhook_secret")]
    return {
        **dict.fromkeys(passwords, _password),
        **dict.fromkeys(signing, new_webhook_secret),
        **dict.fromkeys(_ENCRYPTING, new_key),
    }


def _before(folder: Path, name: str) -> Callable[[], str] | None:
    """Return the secret of the version before that does what this one is for, if there is one."""
    old = folder / WITH_THE_PROVIDER.get(name, name)
    return old.read_text if name in WITH_THE_PROVIDER and old.exists() else None


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


def _overwrite(path: Path, text: str) -> None:
    """Write into the file that is there: a container sees it change, and another one never."""
    if path.exists():
        path.chmod(FILE_MODE | 0o200)
    path.write_text(text)
    path.chmod(FILE_MODE)


def _values(path: Path) -> list[str]:
    return values_of(path.read_text())
