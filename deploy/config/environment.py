"""What each process finds in its environment: addresses, secrets, files."""

import base64
import os
import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.config.databases import role_names
from deploy.config.services import SERVICES, Service
from shared.keyring import new_key
from shared.messaging.topology import user_names

ROOT = Path(__file__).parent.parent.parent
AUDIENCE = "ovation"
TENCENT_SDK_APP_ID = "1400000000"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """
    Where everything is: URLs by name (the gateway's too), servers as host:port.

    `pooler`, if there is one, stands before PostgreSQL; `prepares`: it keeps prepared statements.
    """

    urls: Mapping[str, str]
    postgres: str
    rabbit: str
    vhost: str
    pooler: str = ""
    prepares: bool = True


@dataclass(frozen=True, slots=True)
class Secrets:
    """What only the services may know: passwords by role and broker user, the provider's keys."""

    database: Mapping[str, str]
    broker: Mapping[str, str]
    payments_key: str
    transfers_key: str
    payments_webhook_secret: str
    transfers_webhook_secret: str
    tencent_token: str
    webhook_archive_key: str
    endpoint_secrets_key: str
    people_key: str

    def read(self, name: str) -> str:
        """Return a secret by the name its file has where secrets are files."""
        if name == "purchase_webhook_archive_key":
            return self.webhook_archive_key
        if name == "webhooks_secrets_key":
            return self.endpoint_secrets_key
        if name == "live_people_key":
            return self.people_key
        holder, _, kind = name.removesuffix("_password").rpartition("_")
        if kind == "broker":
            return self.broker[holder]
        return self.database[holder if kind == "database" else f"{holder}_owner"]


def new_secrets() -> Secrets:
    """Return new random secrets."""
    return Secrets(
        database={role: random.token_urlsafe(24) for role in role_names()},
        broker={user: random.token_urlsafe(24) for user in user_names()},
        payments_key=random.token_urlsafe(24),
        transfers_key=random.token_urlsafe(24),
        payments_webhook_secret=new_webhook_secret(),
        transfers_webhook_secret=new_webhook_secret(),
        tencent_token=random.token_urlsafe(24),
        webhook_archive_key=new_key(),
        endpoint_secrets_key=new_key(),
        people_key=random.token_urlsafe(24),
    )


def as_the_version_before(secrets: Secrets) -> Secrets:
    """Return secrets for a version that had one key and one webhook secret for both uses."""
    return replace(
        secrets,
        transfers_key=secrets.payments_key,
        transfers_webhook_secret=secrets.payments_webhook_secret,
    )


def new_webhook_secret() -> str:
    """Return a signing secret as https://www.standardwebhooks.com wants it."""
    return f"whsec_{base64.b64encode(random.token_bytes(32)).decode()}"


def environment_of(
    name: str, endpoints: Endpoints, secrets: Secrets, root: Path = ROOT
) -> dict[str, str]:
    """Return the variables of one process, all with its own prefix; `root` has its seeds."""
    service = SERVICES.get(name, Service(name, database=False))
    host, port = endpoints.urls[name].removeprefix("http://").split(":")
    settings = {"HOST": host, "PORT": port} | _own(name, endpoints, secrets)
    variables: dict[str, str] = {}
    if service.database:
        settings |= _connections(name, endpoints, secrets)
        variables |= parts_of(name)
        variables["OVATION_PUBLIC_URL"] = endpoints.urls["gateway"]
    if service.provider:
        settings |= {
            "PROVIDER_URL": endpoints.urls["sandbox"],
            "SANDBOX_API_KEY": getattr(secrets, f"{service.provider}_key"),
            "SANDBOX_WEBHOOK_SECRET": getattr(secrets, f"{service.provider}_webhook_secret"),
        }
    settings |= {key: str(root / "seeds" / file) for key, file in service.seeds.items()}
    return variables | {service.variable(key): value for key, value in settings.items()}


def parts_of(name: str) -> dict[str, str]:
    """Return how many parts a service's users are spread over here: OVATION_PARTS, or one."""
    service = SERVICES[name]
    return (
        {service.variable("PARTS"): os.environ.get("OVATION_PARTS", "1")} if service.parted else {}
    )


def _own(name: str, endpoints: Endpoints, secrets: Secrets) -> dict[str, str]:
    """Return settings of one program alone, for practice on this machine."""
    own: dict[str, str] = {}
    match name:
        case "issuer":
            own = {"URL": endpoints.urls["issuer"]}
        case "sandbox":
            own = _sandbox(endpoints, secrets)
        case "purchase":
            own = {
                "RETURN_URL": f"{endpoints.urls['gateway']}/paid",
                "TEST_PAYMENTS": "true",
                "WEBHOOK_ARCHIVE_KEY": secrets.webhook_archive_key,
            }
        case "gift":
            own = {
                "TENCENT_TOKEN": secrets.tencent_token,
                "TENCENT_SDK_APP_ID": TENCENT_SDK_APP_ID,
                # False unless a person sets it: true lets every user receive gifts.
                "ANYBODY_MAY_RECEIVE": os.environ.get("GIFT_ANYBODY_MAY_RECEIVE", "false"),
            }
        case "payout":
            # Diamonds of a demonstration mature at once.
            own = {
                "HOLD_SECONDS": "0",
                "RETURN_URL": f"{endpoints.urls['gateway']}/creator",
                "TEST_PAYOUTS": "true",
            }
        case "live":
            own = {
                "PEOPLE_URL": os.environ.get("LIVE_PEOPLE_URL", ""),
                "PEOPLE_KEY": secrets.people_key,
            }
        case "webhooks":
            own = {"SECRETS_KEY": secrets.endpoint_secrets_key, "LOOPBACK_ALLOWED": "true"}
    return own


def _connections(name: str, endpoints: Endpoints, secrets: Secrets) -> dict[str, str]:
    """Return how a service reaches its database and the broker, and knows its callers."""
    return {
        "DATABASE_URL": f"postgresql://{name}@{endpoints.pooler or endpoints.postgres}/{name}",
        "DATABASE_DIRECT_URL": f"postgresql://{name}@{endpoints.postgres}/{name}",
        "DATABASE_PREPARED_STATEMENTS": str(endpoints.prepares).lower(),
        "DATABASE_PASSWORD": secrets.database[name],
        "BROKER_URL": f"amqp://{name}@{endpoints.rabbit}/{endpoints.vhost}",
        "BROKER_PASSWORD": secrets.broker[name],
        "JWT_ISSUER": endpoints.urls["issuer"],
        "JWT_AUDIENCE": AUDIENCE,
        "JWKS_URL": f"{endpoints.urls['issuer']}/.well-known/jwks.json",
        # The development issuer, on this machine.
        "ALLOW_INSECURE_ISSUER": "true",
    }


def _sandbox(endpoints: Endpoints, secrets: Secrets) -> dict[str, str]:
    webhooks = f"{endpoints.urls['gateway']}/v1/webhooks/sandbox"
    return {
        "PAYMENTS_KEY": secrets.payments_key,
        "TRANSFERS_KEY": secrets.transfers_key,
        "PAYMENTS_WEBHOOK_SECRET": secrets.payments_webhook_secret,
        "TRANSFERS_WEBHOOK_SECRET": secrets.transfers_webhook_secret,
        # What the sandbox of the version before reads: see `as_the_version_before`.
        "API_KEY": secrets.payments_key,
        "WEBHOOK_SECRET": secrets.payments_webhook_secret,
        "PUBLIC_URL": f"{endpoints.urls['gateway']}/sandbox",
        "PAYMENTS_WEBHOOK_URL": f"{webhooks}/payments",
        "TRANSFERS_WEBHOOK_URL": f"{webhooks}/transfers",
    }
