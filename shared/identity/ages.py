"""
Who is old enough to buy coins, to give them and to turn diamonds into money.

Pure. The host application vouches for an age in its token; what is unknown is refused unless the
operator's rules say otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shared.errors import Kind, Refusal
from shared.identity.countries import country_of

REFUSE, ALLOW = "refuse", "allow"


class AgeUnknown(Refusal):
    """The application did not say how old you are, and this is for adults."""

    kind = Kind.FORBIDDEN


class TooYoung(Refusal):
    """You are too young for this."""

    kind = Kind.FORBIDDEN


class Act(StrEnum):
    """What an age is asked for."""

    BUY = "buy"
    GIVE = "give"
    CASH_OUT = "cash_out"


@dataclass(frozen=True, slots=True)
class AgeRule:
    """
    How old a person has to be for one act; by default an unknown age does not pass.

    A country may ask for more years than `minimum_years`, never for fewer: where the country is
    not known any more, the minimum is what is certain.
    """

    minimum_years: int = 18
    minimum_years_in: Mapping[str, int] = field(default_factory=dict)
    unknown_allowed: bool = False
    # Those who are too young may act all the same, within other limits.
    young_allowed: bool = False

    def __post_init__(self) -> None:
        assert self.minimum_years >= 0
        for country, years in self.minimum_years_in.items():
            assert country_of(country) == country, f"{country} is no country"
            assert years >= self.minimum_years, f"{country} asks for fewer years than everybody"

    def require(self, age_years: int | None, country: str | None = None) -> None:
        """Refuse who is too young, and who may be."""
        if age_years is None:
            if not self.unknown_allowed:
                raise AgeUnknown
            return
        minimum = self.minimum_years_in.get(country or "", self.minimum_years)
        if age_years < minimum and not self.young_allowed:
            raise TooYoung(minimum_years=minimum)


def read_age_rule(rules: Mapping[str, Any], act: Act) -> AgeRule:
    """Read the rule for one act out of `rules.toml`; a mistake in the file stops the service."""
    age = rules["age"]
    unknown = age.get(f"unknown_to_{act.value}", age.get("unknown", REFUSE))
    assert unknown in (REFUSE, ALLOW), f"an unknown age is {REFUSE}d or {ALLOW}ed, not {unknown!r}"
    return AgeRule(
        # `minimum` is what files of before have.
        minimum_years=age["minimum_years"] if "minimum_years" in age else age["minimum"],
        minimum_years_in=age.get("minimum_years_in", {}),
        unknown_allowed=unknown == ALLOW,
        young_allowed=act is Act.GIVE and age.get("minor_coins_per_day", 0) > 0,
    )


# The default: adults only, and no unknown age.
ADULTS = AgeRule()
