"""
A law that needs no model: nobody ends with more money and coin value than they put in and earned.

It is computed from the facts and from final balances; how coins are lent, frozen and taken back
does not concern it.
"""

from collections.abc import Iterable, Mapping

from tests.every_order.facts import Decisions, Fact, known


def broken_laws(
    facts: Iterable[Fact],
    decisions: Decisions,
    *,
    coins_left: int,
    standing: Mapping[str, int],
    diamonds: Mapping[str, int],
    rate_bp: int = 10_000,
    viewer: str = "v",
) -> list[str]:
    """
    Say which laws are broken.

    `coins_left` is all that the viewer can still spend or get back, `standing` the coins by gift
    that are not reversed, `diamonds` by creator what stands of pending, available, reserved and
    paid out ones.
    """
    found = []
    funded = _coins_with_money(facts, decisions, viewer)
    paid = {gift.gift: gift for gift, _ in decisions.gifts if gift.viewer == viewer}
    given = sum(coins for gift, coins in standing.items() if gift in paid)
    if coins_left + given > funded:
        found.append(
            f"{coins_left} coins left and {given} given, but money for {funded} coins stands"
        )
    for creator, stands in diamonds.items():
        most = sum(
            coins * rate_bp // 10_000
            for gift, coins in standing.items()
            if gift in paid and paid[gift].creator == creator
        )
        if stands > most:
            found.append(f"{creator} has {stands} diamonds, for coins worth {most}")
    return found


def _coins_with_money(facts: Iterable[Fact], decisions: Decisions, viewer: str) -> int:
    """Count the coins whose money was neither given back nor taken back."""
    story, coins_of = known(facts), dict(decisions.refunded)
    total = 0
    for paid in story.paid.values():
        if paid.viewer != viewer:
            continue
        back = sum(
            coins_of[refund]
            for refund, about in story.refunded.items()
            if about == paid.purchase and refund not in story.declined
        )
        # What a bank took, in coins, rounded in nobody's favour but the bank's.
        claims_minor = 0
        for (about, _), dispute in story.disputes.items():
            if about == paid.purchase and not dispute.won:
                same = dispute.currency == paid.currency
                claims_minor += dispute.amount_minor if same else paid.price_minor
        for coins in (paid.coins, paid.bonus_coins):
            back += min(coins, -(-coins * claims_minor // paid.price_minor))
        # What goes back beyond the price is not taken out of another purchase.
        total += max(0, paid.coins + paid.bonus_coins - back)
    return total
