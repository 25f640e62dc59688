"""
What a container of a service finds: its variables and its secret files.

Docker Compose and the Helm chart are written from here, so neither can lack what the other has.
Values are written as Compose reads them: `${NAME:-default}`, or `${NAME:?what to do}` where an
installation has to say it.
"""

from deploy.config.services import Service

PUBLIC_URL = "${OVATION_PUBLIC_URL:-http://localhost:8080}"
_ISSUER = (
    "${OVATION_JWT_ISSUER:?set it to the iss of your users tokens, or run make up to practise}"
)
_KEYS = "${OVATION_JWKS_URL:?set it to the https address of the keys that sign them}"
# Over how many schemas the users are spread: chosen once, and the same for all services.
_PARTS = "${OVATION_PARTS:-1}"
# False behind a pooler that keeps no prepared statements.
_PREPARED = "${OVATION_PREPARED_STATEMENTS:-true}"
_PROVIDER = "${OVATION_PROVIDER_URL:?set it to the address of your payment provider}"
# Whom a service believes: the same issuers for all of them.
_TOKENS = {
    "JWT_ISSUER": _ISSUER,
    "JWT_AUDIENCE": "${OVATION_JWT_AUDIENCE:-ovation}",
    "JWT_CLIENTS": "${OVATION_JWT_CLIENTS:-}",
    "JWT_AUDIENCE_OPTIONAL": "${OVATION_JWT_AUDIENCE_OPTIONAL:-false}",
    "JWT_ROLES_CLAIM": "${OVATION_JWT_ROLES_CLAIM:-}",
    "JWT_SCOPES_CLAIM": "${OVATION_JWT_SCOPES_CLAIM:-}",
    "JWT_COUNTRY_CLAIM": "${OVATION_JWT_COUNTRY_CLAIM:-}",
    "JWT_AGE_CLAIM": "${OVATION_JWT_AGE_CLAIM:-}",
    "JWT_IP_COUNTRY_CLAIM": "${OVATION_JWT_IP_COUNTRY_CLAIM:-}",
    "JWT_ACCOUNT_CREATED_AT_CLAIM": "${OVATION_JWT_ACCOUNT_CREATED_AT_CLAIM:-}",
    "JWT_AUTH_TIME_CLAIM": "${OVATION_JWT_AUTH_TIME_CLAIM:-}",
    "JWT_NAME_CLAIM": "${OVATION_JWT_NAME_CLAIM:-}",
    "JWT_PICTURE_CLAIM": "${OVATION_JWT_PICTURE_CLAIM:-}",
    "JWT_MORE_ISSUERS": "${OVATION_JWT_MORE_ISSUERS:-}",
    "JWKS_URL": _KEYS,
}


def environment(service: Service, *, postgres: str, pooler: str, rabbitmq: str) -> dict[str, str]:
    """
    Return the variables of a service with a database; servers are `host:port`.

    `pooler` is where its pools go: PostgreSQL itself, if no pooler stands before it.
    """
    name = service.name
    settings = {
        "HOST": "0.0.0.0",
        "PORT": "8000",
        "DATABASE_URL": f"postgresql://{name}@{pooler}/{name}",
        "DATABASE_DIRECT_URL": f"postgresql://{name}@{postgres}/{name}",
        "DATABASE_PREPARED_STATEMENTS": _PREPARED,
        "BROKER_URL": f"amqp://{name}@{rabbitmq}/ovation",
        **_TOKENS,
        **service.settings,
        **{key: f"/app/seeds/{file}" for key, file in service.seeds.items()},
    }
    if service.provider:
        settings["PROVIDER_URL"] = _PROVIDER
    if service.parted:
        settings["PARTS"] = _PARTS
    variables = {service.variable(key): value for key, value in settings.items()}
    if service.sealed:
        variables["OVATION_ARCHIVE"] = "${OVATION_ARCHIVE:-/archives}"
    return {
        "OVATION_PUBLIC_URL": PUBLIC_URL,
        "OVATION_QUEUE_PARTITIONS": "${OVATION_QUEUE_PARTITIONS:-}",
        **variables,
    }


def migration_environment(service: Service, *, postgres: str) -> dict[str, str]:
    """Return the variables of what brings a service's database to its newest shape."""
    address = f"postgresql://{service.name}_owner@{postgres}/{service.name}"
    settings = {"MIGRATION_URL": address, **({"PARTS": _PARTS} if service.parted else {})}
    return {service.variable(key): value for key, value in settings.items()}


def secret_files(service: Service) -> dict[str, str]:
    """Return the files below /run/secrets, each with the name it has in `make secrets`."""
    own = [f"{service.name}_{kind}_password" for kind in ("database", "broker")]
    files = {name: name for name in own}
    if service.provider:
        for source, target in (("key", "api_key"), ("webhook_secret", "webhook_secret")):
            files[f"{service.name}_sandbox_{target}"] = f"sandbox_{service.provider}_{source}"
    return files | {name: name for name in map(service.secret, service.own_secrets)}
