"""
The providers of payout in this installation, as `seeds/payout_providers.toml` lists them.

What a section of the file is, and where its secrets are: `shared/vendors/installations.py`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from services.payout.domain.methods import Methods
from services.payout.providers import Provider
from shared.vendors.installations import Installation, builder_of, read_sections

SERVICE = "payout"
# What makes each kind; it is imported when an installation has such a provider, and not before.
KINDS: Mapping[str, str] = {
    "bank_file": "services.payout.providers.bank_file:build",
    "paypal": "services.payout.providers.paypal_payouts:build",
    "sandbox": "services.payout.providers.sandbox:build",
    "stripe": "services.payout.providers.stripe_connect:build",
}


@dataclass(frozen=True, slots=True)
class Installed:
    """The providers of an installation by name, and which of them pays whom."""

    providers: Mapping[str, Provider]
    methods: Methods


def read_providers(path: Path, *, is_live: bool) -> Installed:
    """Build what the file lists; a mistake in it stops the service before it pays anybody."""
    providers = {
        section.name: build_provider(section.kind, section.installation(is_live=is_live))
        for section in read_sections(path, SERVICE)
    }
    listed = tomllib.loads(path.read_text(encoding="utf-8"))["methods"]
    methods = TypeAdapter(Methods).validate_python({"listed": listed})
    methods.require_providers(providers)
    return Installed(providers, methods)


def build_provider(kind: str, installation: Installation) -> Provider:
    made: Provider = builder_of(kind, KINDS)(installation)
    return made
