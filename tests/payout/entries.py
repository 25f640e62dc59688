"""The diamond ledger as its rows say it, read without the service's own code."""

from datetime import timedelta

from deploy.config.databases import run_sql
from shared.postgres.statements import text
from tests.parts import schemas_of_users

_ENTRIES = text("""
    SELECT number, kind, gift, reference, asset, assets, accounts, amounts, recorded_at
    FROM entries WHERE user_id = :creator AND kind IS NOT NULL ORDER BY number
""")
# The end of a month is as far away as it can be, and a bit more.
A_MONTH = timedelta(days=32)


def record_within_the_month_of(database, postgres, now):
    """Let what was recorded after the month of `now` have been recorded then: a month may end."""
    next_month = (now.replace(day=1) + A_MONTH).replace(day=1, hour=0, minute=0, second=0)
    changing = [
        f"""
            UPDATE {schema}.entries SET recorded_at = '{now.isoformat()}'
            WHERE recorded_at >= '{next_month.replace(microsecond=0).isoformat()}'
        """
        for schema in schemas_of_users(database)
    ]
    run_sql(postgres.dsn(database.name), changing)


async def entries_of(database, creator="lea"):
    """All entries of a creator, each with its legs: (account, asset, amount)."""
    async with database.transaction() as tx:
        rows = [dict(row) for row in await tx.execute(_ENTRIES, {"creator": creator})]
    for row in rows:
        assets = row["assets"] or [row["asset"]] * len(row["amounts"])
        names = row["accounts"].split(",")
        row["legs"] = list(zip(names, assets, row["amounts"], strict=True))
    return rows


def replayed(entries):
    """What a creator has after some entries: diamonds in their accounts, and money owed to them."""
    balances = {}
    for entry in entries:
        for account, asset, amount in entry["legs"]:
            if asset == "diamonds" and not account.startswith("@"):
                balances[asset] = balances.get(asset, 0) + amount
            elif account == "@creator_payable":
                balances[asset] = balances.get(asset, 0) - amount
    return {asset: amount for asset, amount in balances.items() if amount}


def left_first(entries, reference):
    """
    Take available diamonds out of a row, one by one, as the entries say; return those of one entry.

    Each diamond is named by the number of the entry that brought it, and its place in there.
    """
    row = []
    for entry in entries:
        (change,) = [amount for name, _, amount in entry["legs"] if name == "main"] or [0]
        if change > 0:
            row += [(entry["number"], place) for place in range(change)]
        taken, row = (row[:-change], row[-change:]) if change < 0 else ([], row)
        if entry["reference"] == reference:
            return taken
    raise AssertionError(f"{reference} is no entry")
