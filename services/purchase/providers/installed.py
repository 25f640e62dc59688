"""
The providers of purchase in this installation, as `seeds/providers.toml` lists them.

What a section of the file is, and where its secrets are: `shared/vendors/installations.py`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from services.purchase.domain.methods import Methods
from services.purchase.providers import Payments, Stores
from shared.prices.packages import Channel
from shared.vendors.installations import Installation, builder_of, read_sections

SERVICE = "purchase"
# What makes each kind; it is imported when an installation has such a provider, and not before.
KINDS: Mapping[str, str] = {
    "apple": "services.purchase.providers.apple:build",
    "google_play": "services.purchase.providers.google_play:build",
    "sandbox": "services.purchase.providers.sandbox:build",
    "stripe": "services.purchase.providers.stripe:build",
    "paypal": "services.purchase.providers.paypal:build",
}


@dataclass(frozen=True, slots=True)
class Installed:
    """The providers of an installation by name, and the ways to pay that lead to them."""

    providers: Mapping[str, Payments]
    methods: Methods


def read_providers(path: Path, *, return_url: str | None, is_live: bool) -> Installed:
    """Build what the file lists; a mistake in it stops the service before it sells anything."""
    listed = tomllib.loads(path.read_text(encoding="utf-8"))
    providers: dict[str, Payments] = {}
    for section in read_sections(path, SERVICE):
        installation = section.installation(return_url=return_url, is_live=is_live)
        providers[section.name] = build_provider(section.kind, installation)
    methods = TypeAdapter(Methods).validate_python({"listed": listed["methods"]})
    methods.require_providers(providers)
    for method in methods.listed:
        is_store = isinstance(providers[method.provider], Stores)
        assert is_store == bool(method.products), f"method {method.name}: stores sell products"
        assert is_store != (method.channel is Channel.WEB), f"method {method.name}: no such channel"
    return Installed(providers, methods)


def build_provider(kind: str, installation: Installation) -> Payments:
    made: Payments = builder_of(kind, KINDS)(installation)
    return made
