"""How a viewer can pay: which method is offered to whom, and which provider is behind it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from shared.errors import Kind, Refusal
from shared.identity.countries import COUNTRIES
from shared.money import require_currencies
from shared.prices.packages import Channel


class MethodNotOffered(Refusal):
    """Purchases in this country and currency cannot be paid that way."""

    kind = Kind.INVALID


@dataclass(frozen=True, slots=True)
class Method:
    """
    A way to pay, as viewers know it (`card`, `paypal`), and the provider that takes the money.

    It is offered to buyers in its `countries` who pay in its `currencies`; none named are all.
    `products` are what an app's store calls our packages, by their sku: the web has none.
    """

    name: str
    provider: str
    channel: Channel = Channel.WEB
    countries: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    products: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = set(self.countries) - COUNTRIES
        assert not unknown, f"method {self.name}: {sorted(unknown)} are no countries"
        require_currencies(self.currencies)
        # A store's token says which product was bought, and not which package.
        named = set(self.products.values())
        assert len(named) == len(self.products), f"method {self.name}: one product is two packages"

    def is_offered(self, channel: Channel, country: str | None, currency: str) -> bool:
        return (
            self.channel is channel
            and (not self.countries or country in self.countries)
            and (not self.currencies or currency in self.currencies)
        )


@dataclass(frozen=True, slots=True)
class Methods:
    """All methods of an installation. Of several of one name, the first that is offered counts."""

    listed: tuple[Method, ...]

    def __post_init__(self) -> None:
        assert self.listed, "there is no way to pay"

    def offered(self, channel: Channel, country: str | None, currency: str) -> list[Method]:
        """Return one method of each name, in the order in which they are shown."""
        found: dict[str, Method] = {}
        for method in self.listed:
            if method.is_offered(channel, country, currency):
                found.setdefault(method.name, method)
        return list(found.values())

    def sold_in(self, channel: Channel, country: str | None, currency: str) -> set[str] | None:
        """Return the packages that an app's store knows; None if every package can be bought."""
        if channel is Channel.WEB:
            return None
        return {sku for each in self.offered(channel, country, currency) for sku in each.products}

    def choose(
        self, name: str | None, channel: Channel, country: str | None, currency: str
    ) -> Method:
        """Return the method of a name, or the first one; refuse what is not offered."""
        offered = self.offered(channel, country, currency)
        for method in offered:
            if name in (None, method.name):
                return method
        raise MethodNotOffered(methods=[method.name for method in offered])

    def require_providers(self, names: Iterable[str]) -> None:
        """Stop a service whose methods name a provider that it does not have."""
        unknown = {method.provider for method in self.listed} - set(names)
        assert not unknown, f"methods name providers that are not there: {sorted(unknown)}"


def only(provider: str) -> Methods:
    """Return the methods of an installation with one provider, which takes everything."""
    return Methods((Method("card", provider),))
