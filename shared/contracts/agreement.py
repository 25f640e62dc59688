"""What the values of one event have to do with each other, for events that are made up."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from .wallet import LotKind, lot_id

Values: TypeAlias = dict[str, Any]

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
INSUFFICIENT_COINS, LIMIT_EXCEEDED = "insufficient-coins", "limit-exceeded"

# The caller's values of these are right as they are.
_WHOLE = {"slices", "lots", "limit_hit"}


def agreeing(made: Mapping[str, Any], given: Mapping[str, object]) -> Values:
    """Return the values with what contradicts another one put right; what is given stays."""
    values: Values = {**made, **given}
    for fields, agree in _RULES:
        if fields <= values.keys() and not fields & given.keys() & _WHOLE:
            for field, value in agree(values).items():
                if field not in given:
                    values[field] = value
    return values


def _price_of_a_piece(values: Values) -> Values:
    return {"price_coins": max(1, values["coins"] // values["count"])}


def _price_of_all_pieces(values: Values) -> Values:
    return {"coins": values["price_coins"] * values["count"]}


def _share_among_slices(values: Values) -> Values:
    return {"slices": _shared(values["coins"], values["slices"])}


def _share_among_lots(values: Values) -> Values:
    # One purchase opens at most one lot of a kind, so their ids differ.
    lots = [
        {**lot, "kind": kind, "lot": lot_id(_uuid(values["purchase"]), kind)}
        for lot, kind in zip(values["lots"], LotKind, strict=False)
    ]
    return {"lots": _shared(values["coins"], lots)}


def _shared(coins: int, holders: list[Values]) -> list[Values]:
    """Share coins out so that each holder has some; without coins there is no holder."""
    holders = holders[:coins]
    rest = coins
    shares = []
    for left in range(len(holders), 0, -1):
        shares.append(rest // left)
        rest -= shares[-1]
    return [{**holder, "coins": share} for holder, share in zip(holders, shares, strict=True)]


def _end_with_the_combo(values: Values) -> Values:
    if values["combo"] is None:
        return {"repeat_count": None, "repeat_end": None, "combo_coins": None}
    return {
        "repeat_count": values["repeat_count"] or 1,
        "repeat_end": bool(values["repeat_end"]),
        "combo_coins": values["coins"] + (values["combo_coins"] or 0),
    }


def _miss_coins_or_meet_a_limit(values: Values) -> Values:
    hit = values["limit_hit"] if values["reason"] == LIMIT_EXCEEDED else None
    if hit is not None:
        spent = min(hit["spent"], hit["limit"])
        hit = {**hit, "spent": spent, "remaining": hit["limit"] - spent}
    if values["reason"] != INSUFFICIENT_COINS:
        return {"shortfall_coins": 0, "limit_hit": hit}
    balance = min(values["balance_coins"], values["coins"] - 1)
    missing = values["coins"] - balance
    return {"balance_coins": balance, "shortfall_coins": missing, "limit_hit": hit}


# By the fields they are about: an event that has them all is put right.
_RULES: tuple[tuple[frozenset[str], Callable[[Values], Values]], ...] = (
    (frozenset({"price_coins", "count", "coins"}), _price_of_a_piece),
    (frozenset({"price_coins", "count", "coins"}), _price_of_all_pieces),
    (frozenset({"slices", "coins"}), _share_among_slices),
    (frozenset({"lots", "purchase", "coins"}), _share_among_lots),
    (frozenset({"combo", "combo_coins", "repeat_end"}), _end_with_the_combo),
    (frozenset({"limit_hit", "reason"}), _miss_coins_or_meet_a_limit),
    (
        frozenset({"lot", "purchase"}),
        lambda values: {"lot": lot_id(_uuid(values["purchase"]), LotKind.PAID)},
    ),
    (
        frozenset({"reversed_coins", "coins"}),
        lambda values: {"reversed_coins": min(values["reversed_coins"], values["coins"])},
    ),
    (
        frozenset({"percent", "limit"}),
        lambda values: {"spent": values["limit"] * values["percent"] // 100},
    ),
    (frozenset({"part", "parts"}), lambda values: {"parts": max(values["part"], values["parts"])}),
    (
        frozenset({"debt_coins", "coins"}),
        lambda values: {"debt_coins": max(values["debt_coins"], values["coins"])},
    ),
    (
        frozenset({"gifts", "repeat_count"}),
        lambda values: {"repeat_count": max(values["repeat_count"], values["gifts"])},
    ),
    (
        frozenset({"target_coins", "progress_coins"}),
        lambda values: {"progress_coins": max(values["target_coins"], values["progress_coins"])},
    ),
    # What was there before the event lies before it.
    (frozenset({"started_at"}), lambda _: {"started_at": NOON - timedelta(seconds=12)}),
    (frozenset({"ended_at"}), lambda _: {"ended_at": NOON}),
    (frozenset({"closed_at"}), lambda _: {"closed_at": NOON}),
    (frozenset({"opened_at"}), lambda _: {"opened_at": NOON - timedelta(hours=1)}),
    (frozenset({"requested_at"}), lambda _: {"requested_at": NOON - timedelta(seconds=1)}),
    (frozenset({"paid_at"}), lambda _: {"paid_at": NOON - timedelta(seconds=2)}),
)


def _uuid(given: object) -> UUID:
    return UUID(str(given))
