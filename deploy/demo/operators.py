"""What `ovationctl` has to know of a system that runs here, as variables of its environment."""

from collections.abc import Iterator

from deploy.config.databases import AUDITOR, archiver_of
from deploy.config.environment import AUDIENCE, environment_of
from deploy.config.services import DATABASES, OWN_SECRETS, PAYING, SEALED
from deploy.harness.system import System
from shared.messaging.topology import user_names

# What a payment provider is asked with; the rest of a service's environment is the service's.
_OF_PROVIDERS = ("PROVIDER_URL", "SANDBOX_API_KEY", "SANDBOX_WEBHOOK_SECRET")


def operators_variables(system: System) -> dict[str, str]:
    """Return the addresses of a system and its passwords, by the names that commands read."""
    services = " ".join(f"{name}={system.urls[name]}" for name in system.names)
    return {
        "OVATIONCTL_POSTGRES": system.postgres.place,
        "OVATIONCTL_RABBIT": system.rabbit.management_url,
        "OVATIONCTL_BROKER": system.rabbit.place,
        "OVATIONCTL_VHOST": system.vhost,
        "OVATIONCTL_SERVICES": services,
        "OVATION_PUBLIC_URL": system.gateway_url,
        "OVATION_JWKS_URL": f"{system.issuer_url}/.well-known/jwks.json",
        "OVATION_JWT_ISSUER": system.issuer_name,
        "OVATION_JWT_AUDIENCE": AUDIENCE,
        # The issuer for development, on this machine, and practice money.
        "OVATION_ALLOW_INSECURE_ISSUER": "true",
        "OVATION_TEST_PAYMENTS": "true",
        # `parts` asks as the administrator.
        "POSTGRES_ADMIN_PASSWORD": system.postgres.admin_password,
        **dict(_providers(system)),
        **{name.upper(): system.secrets.read(name) for name in _secret_names()},
    }


def _providers(system: System) -> Iterator[tuple[str, str]]:
    for service in PAYING:
        own = environment_of(service, system.endpoints_of(service), system.secrets)
        for name in _OF_PROVIDERS:
            variable = f"{service.upper()}_{name}"
            yield variable, own[variable]
    yield from system.vendors.environment.items()


def _secret_names() -> Iterator[str]:
    for service in DATABASES:
        yield f"{service}_owner_password"
        yield f"{service}_database_password"
    for role in (AUDITOR, *map(archiver_of, SEALED)):
        yield f"{role}_database_password"
    for user in user_names():
        yield f"{user}_broker_password"
    yield from OWN_SECRETS
