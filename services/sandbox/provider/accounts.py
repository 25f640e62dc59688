"""Accounts of payees: opened by the shop, completed by their holders on a page of ours."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import uuid4

from shared.errors import Kind, Refusal
from shared.idempotency import KeyReused

LINK_MINUTES = 5
TAX_FORM_KIND = "W-8BEN"

Publish: TypeAlias = Callable[[str, dict[str, Any]], None]


class NoSuchAccount(Refusal):
    """There is no such account."""

    kind = Kind.NOT_FOUND


class LinkExpired(Refusal):
    """This link was used, or is too old; ask for another one where you came from."""

    kind = Kind.NOT_FOUND


class AccountNotEnabled(Refusal):
    """This account cannot be paid out to yet."""

    kind = Kind.INVALID


class Outcome(StrEnum):
    """What becomes of an account whose holder fills in the page."""

    VERIFIED = "verified"
    PENDING = "pending"
    RESTRICTED = "restricted"


@dataclass(slots=True)
class Account:
    """An account of a payee, and what is known of its holder."""

    country: str
    currency: str
    id: str = field(default_factory=lambda: f"acct_{uuid4().hex}")
    verification: str = "unverified"
    payouts_enabled: bool = False
    tax_form: str = "missing"
    tax_form_kind: str | None = None
    requirements: list[str] = field(default_factory=lambda: ["person.identity", "person.tax_form"])

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "country": self.country,
            "currency": self.currency,
            "verification": self.verification,
            "payouts_enabled": self.payouts_enabled,
            "tax_form": self.tax_form,
            "tax_form_kind": self.tax_form_kind,
            "requirements": self.requirements,
        }


@dataclass(frozen=True, slots=True)
class Link:
    """A page for the holder of one account, once and for some minutes."""

    account: Account
    return_url: str
    refresh_url: str
    expires_at: datetime


class Accounts:
    """All accounts, and the links to their pages."""

    def __init__(self, *, public_url: str, publish: Publish) -> None:
        self._public_url = public_url
        self._publish = publish
        self._accounts: dict[str, Account] = {}
        self._links: dict[str, Link] = {}
        self._keys: dict[str, tuple[tuple[str, str], Account]] = {}

    def create(self, *, key: str, country: str, currency: str) -> Account:
        """Open an account, or return the one that was opened under this key."""
        asked = (country, currency)
        if key in self._keys:
            before, known = self._keys[key]
            if before != asked:
                raise KeyReused
            return known
        account = Account(country=country, currency=currency)
        self._accounts[account.id] = account
        self._keys[key] = (asked, account)
        return account

    def account(self, identifier: str) -> Account:
        if identifier not in self._accounts:
            raise NoSuchAccount
        return self._accounts[identifier]

    def create_link(self, account: Account, *, return_url: str, refresh_url: str) -> dict[str, str]:
        name = uuid4().hex
        expires_at = datetime.now(UTC) + timedelta(minutes=LINK_MINUTES)
        self._links[name] = Link(account, return_url, refresh_url, expires_at)
        return {
            "url": f"{self._public_url}/onboarding/{name}",
            "expires_at": expires_at.isoformat(),
        }

    def link(self, name: str) -> Link:
        link = self._links.get(name)
        if link is None or link.expires_at < datetime.now(UTC):
            raise LinkExpired
        return link

    def complete(self, name: str, outcome: Outcome) -> Link:
        """Let the holder fill in the page of a link, which is used up by it."""
        link = self.link(name)
        del self._links[name]
        self.decide(link.account, outcome)
        return link

    def decide(self, account: Account, outcome: Outcome) -> Account:
        """Let the provider make up its mind about a holder, as often as it likes."""
        account.verification = outcome.value
        account.payouts_enabled = outcome is Outcome.VERIFIED
        account.tax_form = "accepted" if outcome is Outcome.VERIFIED else "submitted"
        account.tax_form_kind = TAX_FORM_KIND
        account.requirements = ["person.document"] if outcome is Outcome.RESTRICTED else []
        self._publish("account.updated", account.shown())
        return account

    def require_payable(self, destination: str) -> None:
        """Refuse a transfer to an account that is not enabled; other names are as good as paid."""
        account = self._accounts.get(destination)
        if account is not None and not account.payouts_enabled:
            raise AccountNotEnabled(requirements=account.requirements)
