"""
Bugs that there once were, put back on purpose, one at a time: whether they are noticed.

`python -m tests.every_order.planted` puts back each and runs what has to catch it; with names, only
those. PLANTED=<name> puts one back in any run: `PLANTED=... make orders`.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

# Puts something else in the place of a module's attribute.
Patch: TypeAlias = Callable[[Any, str, Any], Any]
ORDERS = "tests/every_order/test_every_order.py"
LARGER = "tests/every_order/test_any_set.py"
TIMEOUT_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug: how it is put back, what was wrong about it, and the tests that must not pass."""

    name: str
    what: str
    put_back: Callable[[Patch], None]
    caught_by: tuple[str, ...]


def _lent_coins_are_out_of_reach(patch: Patch) -> None:
    from services.wallet.domain import derivation  # noqa: PLC0415

    claim = derivation._claim  # noqa: SLF001

    def wrong(lots: Any, claims: Any, excess: int) -> None:
        lent = {lot.id: lot.paid_debts for lot in lots}
        claim(lots, claims, excess)
        for lot in lots:
            unspent = lot.coins - lot.spent - lot.adjusted - lot.expired - lot.refunded
            lot.charged_back = min(lot.charged_back, max(0, unspent - lent[lot.id]))

    patch(derivation, "_claim", wrong)


def _restored_diamonds_are_available_at_once(patch: Patch) -> None:
    from services.payout.commands import clawbacks  # noqa: PLC0415

    wait = clawbacks._wait  # noqa: SLF001
    patch(clawbacks, "_wait", lambda *about: (wait(*about)[0], False))


def _a_dispute_hides_coins_from_a_refund(patch: Patch) -> None:
    from services.wallet.commands import holds  # noqa: PLC0415

    void = holds.void_coins

    def wrong(wallet: Any, refunded: Any) -> Any:
        if any(lot.charged_back for lot in wallet.lots_of(refunded.purchase)):
            refunded = refunded.model_copy(update={"coins": 0})
        return void(wallet, refunded)

    patch(holds, "void_coins", wrong)


def _any_4xx_is_a_refusal(patch: Patch) -> None:
    from services.payout.providers import sandbox  # noqa: PLC0415
    from shared.http.provider_client import ProviderRejected  # noqa: PLC0415

    def wrong(response: Any) -> None:
        if response.is_client_error:
            raise ProviderRejected("refused")

    patch(sandbox, "raise_if_rejected", wrong)


def _the_daily_maximum_is_for_quotes_only(patch: Patch) -> None:
    from services.payout.domain import quotes  # noqa: PLC0415

    patch(quotes, "require_offered", lambda *_, **__: None)


def _held_payouts_are_sent(patch: Patch) -> None:
    from services.payout.domain.payouts import SENDABLE, State  # noqa: PLC0415
    from services.payout.store import attempts  # noqa: PLC0415
    from services.payout.store.payouts import lock_approved  # noqa: PLC0415
    from shared.postgres.statements import text  # noqa: PLC0415

    begun = text("SELECT creator, payout FROM attempts WHERE creator = ANY(:creators)")

    async def wrong(tx: Any, creators: Any) -> Any:
        # Looked at first and locked after: what is opened meanwhile is not seen.
        taken = {tuple(row) for row in await tx.execute(begun, {"creators": list(creators)})}
        locked = await lock_approved(tx, creators)
        return [each for each in locked if (each[0].creator, each[0].id) not in taken]

    patch(attempts, "lock_unsent", wrong)
    patch(attempts, "SENDABLE", (*SENDABLE, State.HELD))


def _a_refusal_is_believed_without_looking(patch: Patch) -> None:
    from services.purchase.commands import changes  # noqa: PLC0415
    from services.purchase.domain.refund_evidence import weigh  # noqa: PLC0415

    def wrong(refunds: Any, payment: Any, *, answer: Any, **about: Any) -> Any:
        if answer is not None and answer.refused:
            return list(refunds), []
        return weigh(refunds, payment, answer=answer, **about)

    patch(changes, "weigh", wrong)


def _parties_keep_what_is_taken_back(patch: Patch) -> None:
    from services.payout.commands import shares  # noqa: PLC0415

    patch(shares, "possible_parties", lambda _, creator: [creator])


def _late_revisions_are_dropped(patch: Patch) -> None:
    from services.gift.store.reversals import Reversal  # noqa: PLC0415

    patch(Reversal, "hear", lambda reversal, revision: revision > reversal.revision)


BUGS = (
    Planted(
        "chain",
        "a debt stays settled by money that was taken back itself",
        _lent_coins_are_out_of_reach,
        (ORDERS,),
    ),
    Planted(
        "at-once",
        "what a settled debt brings back is available at once",
        _restored_diamonds_are_available_at_once,
        (ORDERS,),
    ),
    Planted(
        "both",
        "a refund and a won dispute end with the money and the coins",
        _a_dispute_hides_coins_from_a_refund,
        (ORDERS,),
    ),
    Planted(
        "late",
        "diamonds stay available if their return was heard before their reversal",
        _late_revisions_are_dropped,
        (LARGER, "tests/gift/test_reversals.py"),
    ),
    Planted(
        "parties",
        "what is taken back of a shared gift is taken from its creator alone",
        _parties_keep_what_is_taken_back,
        (ORDERS, "tests/payout/test_splits.py"),
    ),
    Planted(
        "any-4xx",
        "an answer that says nothing gives diamonds back that are being paid",
        _any_4xx_is_a_refusal,
        ("tests/payout/test_unknown_answers.py",),
    ),
    Planted(
        "daily-maximum",
        "several quotes get around the daily maximum",
        _the_daily_maximum_is_for_quotes_only,
        ("tests/payout/test_requests.py",),
    ),
    Planted(
        "held-and-sent",
        "a payout is held and sent all the same",
        _held_payouts_are_sent,
        ("tests/payout/test_races.py",),
    ),
    Planted(
        "declined",
        "a refund is declined after its money went",
        _a_refusal_is_believed_without_looking,
        ("tests/purchase/test_refund_outcomes.py",),
    ),
)


def plant(name: str | None, patch: Patch = setattr) -> None:
    """Put a bug back into this process, if one is named."""
    if name:
        {bug.name: bug for bug in BUGS}[name].put_back(patch)


def pytest_configure() -> None:
    """As a plugin of pytest: `-p tests.every_order.planted`."""
    plant(os.environ.get("PLANTED"))


def is_caught(bug: Planted) -> bool:
    """Run the tests that have to catch a bug; whether one fails."""
    command = ["-q", "-x", "-p", "tests.every_order.planted", *bug.caught_by]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *command],
        env={**os.environ, "PLANTED": bug.name, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    last = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    print(f"{bug.name}: {bug.what}\n    {last[0][:150] if last else 'NOT CAUGHT'}", flush=True)
    # 1 is "some tests failed"; anything else is no proof of anything.
    return done.returncode == 1 and bool(last)


def main() -> None:
    wanted = sys.argv[1:] or [bug.name for bug in BUGS]
    missed = [bug.name for bug in BUGS if bug.name in wanted and not is_caught(bug)]
    if missed:
        sys.exit(f"Nobody noticed: {', '.join(missed)}.")


if __name__ == "__main__":
    main()
