"""
Every service, registered once: what it has and what it needs around it.

Databases and roles, secrets, environments, the gateway's routes, Compose, what is watched, backed
up, rolled and verified all follow from this table. Beside it a service is named in
`shared/contracts/routes.py`, which other teams install, and in the import contracts of
pyproject.toml; tests compare both with this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.vendors.installations import providers_folder

# Three routes that the gateway treats apart.
FEED = "^/v1/rooms/[^/]+/events$"
UPLOADS = "^/v1/operator/gifts/files$"
TENCENT = "^/v1/callbacks/tencent$"


@dataclass(frozen=True, slots=True)
class Service:
    """
    One service.

    `database`: it has a database, a broker user, and callers with tokens. `routes`: the paths that
    the gateway sends to it, as regular expressions; the first match of all services wins.
    """

    name: str
    database: bool = True
    routes: tuple[str, ...] = ()
    # Its place when all services are replaced: receivers of events before their publishers.
    rolled: int = 0
    # Its balances can be derived again from postings; its history is sealed in a hash chain.
    ledger: bool = False
    sealed: bool = False
    # Its users can be spread over several schemas of its database (`shared/postgres/parts.py`).
    parted: bool = False
    # Whose a row is, in its tables without `user_id`.
    owner: str | None = None
    # Its image has packages of its own: a group of pyproject.toml with its name.
    has_group: bool = False
    # It posts to addresses that other teams chose.
    posts: bool = False
    # It can publish its events again, from its own tables.
    republishes: bool = False
    # What it asks the payment provider for: `payments` or `transfers`.
    provider: str | None = None
    # Secrets of its own, without its name; the operator's commands know them too.
    own_secrets: tuple[str, ...] = ()
    # Reachable in an installation for practice only, at /<name>/.
    practice: bool = False
    # Files of seeds/ that it reads, by the variable that names each.
    seeds: Mapping[str, str] = field(default_factory=dict)
    # Its own variables in Compose; `production` and `practising` set some without regard to the
    # environment.
    settings: Mapping[str, str] = field(default_factory=dict)
    production: Mapping[str, str] = field(default_factory=dict)
    practising: Mapping[str, str] = field(default_factory=dict)

    @property
    def packages(self) -> str:
        """Which packages its image has: `services`, or a group of pyproject.toml beside them."""
        if self.practice:
            return "tools"
        has_group = self.has_group or self.provider or self.sealed
        return self.name if has_group else "services"

    @property
    def secrets_folder(self) -> str | None:
        """
        Name the folder of what its providers need, which it sees as a whole.

        Each installation has other files there: `secret_files.store_provider_secret`.
        """
        return providers_folder(self.name) if self.provider else None

    def variable(self, name: str) -> str:
        """Return the name of an environment variable of this service."""
        return f"{self.name.upper()}_{name}"

    def secret(self, name: str) -> str:
        """Return the name of the file of one of its own secrets."""
        return f"{self.name}_{name}"


_ALL = (
    Service("sandbox", database=False, practice=True),
    Service(
        "purchase",
        routes=(
            "^/v1/(packages|purchases)(/|$)",
            "^/v1/me/export/purchase$",
            "^/v1/webhooks/[^/]+/payments$",
            "^/v1/operator/purchases?(/|$)",
        ),
        rolled=5,
        parted=True,
        owner="viewer",
        ledger=True,
        republishes=True,
        provider="payments",
        seeds={
            "PACKAGES_FILE": "packages.toml",
            "PROVIDERS_FILE": "providers.toml",
            "RULES_FILE": "rules.toml",
            "SELLER_FILE": "seller.toml",
            "TAXES_FILE": "taxes.toml",
        },
        own_secrets=("webhook_archive_key",),
        settings={
            "RETURN_URL": "${OVATION_PUBLIC_URL:-http://localhost:8080}/paid",
            # How the webhooks that never arrived are found, and how long the others are kept.
            "BACKFILL_EVERY_SECONDS": "${PURCHASE_BACKFILL_EVERY_SECONDS:-600}",
            "BACKFILL_OVERLAP_SECONDS": "${PURCHASE_BACKFILL_OVERLAP_SECONDS:-3600}",
            "WEBHOOK_ARCHIVE_DAYS": "${PURCHASE_WEBHOOK_ARCHIVE_DAYS:-400}",
            # How long and how often payments are read again, and how many in a minute.
            "WATCH_DAYS": "${PURCHASE_WATCH_DAYS:-120}",
            "WATCH_EVERY_DAYS": "${PURCHASE_WATCH_EVERY_DAYS:-7}",
            "WATCH_READS_PER_MINUTE": "${PURCHASE_WATCH_READS_PER_MINUTE:-300}",
            # True: test accounts of providers are taken, and no real money.
            "TEST_PAYMENTS": "${OVATION_TEST_PAYMENTS:-false}",
        },
        production={"TEST_PAYMENTS": "false"},
        practising={"TEST_PAYMENTS": "true"},
    ),
    Service(
        "wallet",
        routes=(
            "^/v1/wallets(/|$)",
            "^/v1/me/export/wallet$",
            "^/v1/operator/wallets?(/|$)",
        ),
        rolled=3,
        parted=True,
        ledger=True,
        sealed=True,
        republishes=True,
        seeds={"RULES_FILE": "rules.toml"},
    ),
    Service(
        "gift",
        routes=(
            "^/v1/(gifts|catalogue)(/|$)",
            "^/v1/me(/erasure|/export|/export/gift)?$",
            TENCENT,
            UPLOADS,
            "^/v1/operator/gifts?(/|$)",
        ),
        rolled=4,
        parted=True,
        owner="viewer",
        republishes=True,
        seeds={
            "CATALOGUE_FILE": "gifts.toml",
            "PACKAGES_FILE": "packages.toml",
            "RULES_FILE": "rules.toml",
        },
        settings={
            # Empty: target tokens are signed with the keys of OVATION_JWKS_URL.
            "TARGET_JWKS_URL": "${OVATION_TARGET_JWKS_URL:-}",
            # True: every user may receive gifts, in any room, even one that does not exist.
            "ANYBODY_MAY_RECEIVE": "${GIFT_ANYBODY_MAY_RECEIVE:-false}",
            # How many megabytes the uploaded pictures and films of all gifts may have together.
            "FILES_MEGABYTES_MAX": "${GIFT_FILES_MEGABYTES_MAX:-256}",
        },
    ),
    Service(
        "payout",
        routes=(
            "^/v1/(payouts|earnings|creators/me/earnings)(/|$)",
            "^/v1/me/export/payout$",
            "^/v1/webhooks/[^/]+/transfers$",
            "^/v1/operator/(payouts?|payout-appeals|payees|creators|finance|bank-(files|reports))(/|$)",
        ),
        rolled=2,
        parted=True,
        owner="creator",
        ledger=True,
        sealed=True,
        republishes=True,
        provider="transfers",
        seeds={
            "FRAUD_FILE": "fraud.toml",
            "PROVIDERS_FILE": "payout_providers.toml",
            "RATES_FILE": "rates.toml",
            "RULES_FILE": "rules.toml",
            "SELLER_FILE": "seller.toml",
        },
        settings={
            # Empty in production: the rules decide how long diamonds mature.
            "HOLD_SECONDS": "${OVATION_HOLD_SECONDS:-}",
            # Where the page of a provider sends creators back to.
            "RETURN_URL": "${OVATION_PUBLIC_URL:-http://localhost:8080}/creator",
            # Lists of sanctions; empty: no name is screened.
            "SANCTIONS_FOLDER": "${OVATION_SANCTIONS_FOLDER:-}",
            # True: test accounts of providers are used, and no real money.
            "TEST_PAYOUTS": "${OVATION_TEST_PAYMENTS:-false}",
        },
        production={"HOLD_SECONDS": "", "TEST_PAYOUTS": "false"},
        practising={"TEST_PAYOUTS": "true"},
    ),
    Service(
        "live",
        routes=(
            FEED,
            "^/v1/(rooms|creators(?!/me/earnings)|gifters|entitlements|people)(/|$)",
            "^/v1/me/export/live$",
            "^/v1/operator/live(/|$)",
        ),
        rolled=1,
        settings={
            # Rooms of one creator: open at a time, and owned in total.
            "OPEN_ROOMS_MAX": "${LIVE_OPEN_ROOMS_MAX:-5}",
            "ROOMS_MAX": "${LIVE_ROOMS_MAX:-100}",
            # Empty: names and pictures are those of people's tokens.
            "PEOPLE_URL": "${LIVE_PEOPLE_URL:-}",
        },
        own_secrets=("people_key",),
    ),
    Service(
        "webhooks",
        routes=("^/v1/teams(/|$)", "^/v1/operator/webhooks(/|$)"),
        has_group=True,
        posts=True,
        own_secrets=("secrets_key",),
        settings={
            # Where endpoints may be, beside port 443 of the public internet.
            "PORTS": "${WEBHOOKS_PORTS:-443}",
            "NETWORKS_ALLOWED": "${WEBHOOKS_NETWORKS_ALLOWED:-}",
            "LOOPBACK_ALLOWED": "${WEBHOOKS_LOOPBACK_ALLOWED:-false}",
            "KEEP_DAYS": "${WEBHOOKS_KEEP_DAYS:-35}",
            "RETRY_DAYS": "${WEBHOOKS_RETRY_DAYS:-3}",
            "ENDPOINT_ATTEMPTS_MAX": "${WEBHOOKS_ENDPOINT_ATTEMPTS_MAX:-8}",
        },
        production={"LOOPBACK_ALLOWED": "false"},
        practising={"LOOPBACK_ALLOWED": "true"},
    ),
    # Its pages have every path that no other service has.
    Service(
        "web",
        database=False,
        rolled=6,
        has_group=True,
        seeds={"PEOPLE_FILE": "people.toml"},
    ),
)

# In the order in which they are started: what others ask comes first.
SERVICES: Mapping[str, Service] = {service.name: service for service in _ALL}

# Secret files of single services.
OWN_SECRETS = tuple(each.secret(name) for each in _ALL for name in each.own_secrets)

# Names of services, by what they have.
PAYING = tuple(each.name for each in _ALL if each.provider)
DATABASES = tuple(each.name for each in _ALL if each.database)
PUBLIC = tuple(each.name for each in _ALL if not each.practice)
PRACTICE = tuple(each.name for each in _ALL if each.practice)
LEDGERS = tuple(each.name for each in _ALL if each.ledger)
PARTED = tuple(each.name for each in _ALL if each.parted)
SEALED = tuple(each.name for each in _ALL if each.sealed)
REPUBLISHING = tuple(each.name for each in _ALL if each.republishes)
ROLLED = tuple(sorted(PUBLIC, key=lambda name: SERVICES[name].rolled))
