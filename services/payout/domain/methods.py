"""Which provider sends a creator's money: by the currency, and by where the creator is."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.errors import Kind, Refusal
from shared.identity.countries import COUNTRIES
from shared.money import require_currencies


class MethodNotOffered(Refusal):
    """Money in this currency cannot be sent to your country."""

    kind = Kind.INVALID


@dataclass(frozen=True, slots=True)
class Method:
    """
    A provider for creators in its `countries` who are paid in its `currencies`.

    None named are all, also of a creator whose country is unknown.
    """

    provider: str
    countries: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = set(self.countries) - COUNTRIES
        assert not unknown, f"method of {self.provider}: {sorted(unknown)} are no countries"
        require_currencies(self.currencies)

    def is_offered(self, currency: str, country: str | None) -> bool:
        return (not self.currencies or currency in self.currencies) and (
            not self.countries or country in self.countries
        )


@dataclass(frozen=True, slots=True)
class Methods:
    """All methods of an installation; the first that is offered counts."""

    listed: tuple[Method, ...]

    def __post_init__(self) -> None:
        assert self.listed, "there is no way to pay creators"

    def provider_for(self, currency: str, country: str | None, *, named: str | None = None) -> str:
        """Return who sends money in a currency to a country: `named`, or the first who does."""
        for method in self.listed:
            if method.is_offered(currency, country) and named in (None, method.provider):
                return method.provider
        raise MethodNotOffered(currency=currency, country=country)

    def require_providers(self, names: Iterable[str]) -> None:
        """Stop a service whose methods name a provider that it does not have."""
        unknown = {method.provider for method in self.listed} - set(names)
        assert not unknown, f"methods name providers that are not there: {sorted(unknown)}"


def only(provider: str) -> Methods:
    """Return the methods of an installation with one provider, which pays everybody."""
    return Methods((Method(provider),))
