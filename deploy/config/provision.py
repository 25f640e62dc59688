"""
Make every service's database and roles: `python -m deploy.config.provision [SERVICE ...]`.

With names, only what these services have on the server: each service may have its own.
Reads POSTGRES_HOST (`db-1:5432`, or several hosts of which one is the primary), and the passwords
from the folder of secret files.
"""

import os
import sys
from pathlib import Path
from urllib.parse import quote

from deploy.config.databases import AUDITOR, OrderOfTextChanged, archiver_of, provision
from deploy.config.services import DATABASES, SEALED
from shared.secrets import values_of

FOLDER = Path(os.environ.get("OVATION_SECRETS_DIR", "/run/secrets"))


def main() -> None:
    passwords = {AUDITOR: _secret("auditor_database_password")}
    services = sys.argv[1:] or DATABASES
    if unknown := set(services) - set(DATABASES):
        raise SystemExit(f"No service with a database: {', '.join(sorted(unknown))}.")
    for service in services:
        passwords[f"{service}_owner"] = _secret(f"{service}_owner_password")
        passwords[service] = _secret(f"{service}_database_password")
    for role in map(archiver_of, set(services) & set(SEALED)):
        passwords[role] = _secret(f"{role}_database_password")
    admin = quote(_secret("postgres_admin_password"), safe="")
    address = f"postgresql://postgres:{admin}@{os.environ['POSTGRES_HOST']}/postgres"
    try:
        provision(address, passwords, services)
    except OrderOfTextChanged as error:
        raise SystemExit(f"Nothing is started on this: {error}.") from None
    sys.stdout.write(f"Databases and roles are there: {', '.join(services)}.\n")


def _secret(name: str) -> str:
    return values_of((FOLDER / name).read_text())[0]


if __name__ == "__main__":
    main()
