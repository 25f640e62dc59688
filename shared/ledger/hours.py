"""When an hour of a ledger is closed: all its entries are there, and no other comes."""

from datetime import UTC, datetime, timedelta

# An entry has the time at which its transaction began, by the clock of the database: some entries
# of an hour are committed after it. Clocks and transactions are not longer apart than this.
CLOSED_AFTER = timedelta(minutes=10)


def end_of_last_closed_hour(now: datetime) -> datetime:
    return (now - CLOSED_AFTER).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
