"""What came of the runs: a table for people, a file for others, and what must not get worse."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.heist.run import Result

FILE = Path(".bench/heist.json")
# With all defences, of what is lost without any: 1 % in basis points.
SHARE_BP_MAX = 100
# So much has to be lost of a million without defences, or the thieves have become harmless.
UNDEFENDED_PER_MILLION_MIN = 100_000
# Of a hundred honest payouts a person may have to look at so many, and every one is paid.
HONEST_REVIEWED_OF_100_MAX = 25
BASIS_POINTS = 10_000


def show(results: Sequence[Result], *, seed: int) -> list[str]:
    """Print and keep the results; return what is worse than it may be."""
    table = Table(title=f"seed {seed}", show_edge=False)
    for heading in (
        *("defences", "paid out to thieves", "lost", "lost per million"),
        *("honest payouts reviewed", "not paid"),
    ):
        table.add_column(heading, justify="left" if heading == "defences" else "right")
    for each in results:
        table.add_row(
            each.variant.name,
            _dollars(sum(one.paid_minor for one in each.loot)),
            _dollars(each.loss_minor),
            f"{each.loss_per_million:,}",
            f"{each.honest_reviewed} of {each.honest_payouts}",
            str(each.honest_unpaid),
        )
    plans = Table(title="lost, by plan", show_edge=False)
    plans.add_column("defences")
    for one in results[0].loot:
        plans.add_column(one.plan, justify="right")
    for each in results:
        plans.add_row(each.variant.name, *(_dollars(one.loss_minor) for one in each.loot))
    Console(width=150).print(table, "", plans)
    worse = list(what_is_worse(results))
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps({"seed": seed, "worse": worse, "runs": _runs(results)}, indent=2))
    return worse


def what_is_worse(results: Sequence[Result]) -> Iterator[str]:
    """Yield what breaks a bar, as far as it was run."""
    named = {each.variant.name: each for each in results}
    undefended, defended = named.get("no defences"), named.get("all defences")
    if undefended is not None and undefended.loss_per_million < UNDEFENDED_PER_MILLION_MIN:
        yield (
            f"without defences only {undefended.loss_per_million:,} of a million are lost, at"
            f" least {UNDEFENDED_PER_MILLION_MIN:,} expected: do the thieves still do anything?"
        )
    if defended is None:
        return
    if undefended is not None:
        share_bp = defended.loss_minor * BASIS_POINTS // max(1, undefended.loss_minor)
        if share_bp > SHARE_BP_MAX:
            yield f"{share_bp / 100} % of the loss is left with all defences, at most 1 % allowed"
    if defended.honest_reviewed * 100 > HONEST_REVIEWED_OF_100_MAX * defended.honest_payouts:
        yield f"a person had to look at {defended.honest_reviewed} honest payouts"
    if not defended.honest_payouts:
        yield "no honest creator cashed out: do the runs still do anything?"
    if defended.honest_unpaid:
        yield f"{defended.honest_unpaid} honest payouts were not paid"


def _runs(results: Sequence[Result]) -> list[dict[str, object]]:
    return [
        {
            "defences": each.variant.name,
            "missing": sorted(each.variant.missing),
            "processed_minor": each.processed_minor,
            "loss_minor": each.loss_minor,
            "loss_per_million": each.loss_per_million,
            "honest_payouts": each.honest_payouts,
            "honest_reviewed": each.honest_reviewed,
            "honest_unpaid": each.honest_unpaid,
            "plans": {
                one.plan: {"paid_minor": one.paid_minor, "kept_minor": one.kept_minor}
                for one in each.loot
            },
            "seconds": round(each.seconds, 1),
        }
        for each in results
    ]


def _dollars(minor: int) -> str:
    return f"{minor / 100:,.2f}"
