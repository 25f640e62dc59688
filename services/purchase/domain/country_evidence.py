"""
Evidence of the country that a buyer is in, which decides whose tax a sale holds.

The law of the EU wants two items that do not contradict each other (Regulation 282/2011, Art. 24b
and 24f). What was said of a purchase is a set, so the verdict does not depend on the order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from services.purchase.domain.purchases import Payment, Purchase

ITEMS_WANTED = 2


class EvidenceKind(StrEnum):
    """Who says where a buyer is."""

    HOST = "host"  # the host application, in the token: the tax is this country's
    INSTRUMENT = "instrument"  # the provider: the country of the card, account or storefront
    ADDRESS = "ip_address"  # the host application too, by the buyer's internet address


class Verdict(StrEnum):
    """What the evidence of a sale is worth."""

    AGREE = "agree"  # two of them name the country whose tax it is
    ONE_ONLY = "one-only"  # only one of them says a country
    CONTRADICT = "contradict"  # no two of them name that country, and one names another
    NO_COUNTRY = "no-country"  # the host names none, so it was sold without tax


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """One statement: this kind says this country (ISO 3166-1, two letters)."""

    kind: EvidenceKind
    country: str


def evidence_of(purchase: Purchase, payment: Payment) -> frozenset[Evidence]:
    """Return what is said of a buyer by a purchase and by an answer about its payment."""
    return frozenset(_items(purchase, payment))


def _items(purchase: Purchase, payment: Payment) -> Iterator[Evidence]:
    for kind, country in (
        (EvidenceKind.HOST, purchase.country),
        (EvidenceKind.INSTRUMENT, payment.instrument_country),
        (EvidenceKind.ADDRESS, purchase.ip_country),
    ):
        if country is not None:
            yield Evidence(kind, country)


def judge(evidence: Iterable[Evidence]) -> Verdict:
    """
    Judge all evidence of a sale.

    A kind that names several countries, as a provider that changes its mind does, supports none.
    """
    named: dict[EvidenceKind, set[str]] = {}
    for each in evidence:
        named.setdefault(each.kind, set()).add(each.country)
    taxed = named.get(EvidenceKind.HOST)
    if taxed is None:
        return Verdict.NO_COUNTRY
    if sum(countries == taxed for countries in named.values()) >= ITEMS_WANTED:
        return Verdict.AGREE
    return Verdict.ONE_ONLY if len(named) == 1 else Verdict.CONTRADICT
