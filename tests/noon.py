"""Where it is about noon: there no day, week, month or year begins while a test runs."""

from datetime import UTC, datetime
from pathlib import Path

RULES_FILE = Path(__file__).parents[1] / "seeds" / "rules.toml"


def noon_zone():
    """The name of a time zone in which it is about noon now."""
    ahead_hours = 12 - datetime.now(UTC).hour
    # POSIX counts the hours to the west.
    return f"Etc/GMT{-ahead_hours:+d}"


def spending_at_noon(folder):
    """The rules of the seeds, but no day of spending limits begins while a test runs."""
    before, section, limits = RULES_FILE.read_text().partition("[spending_limits]")
    limits = limits.replace('time_zone = "UTC"', f'time_zone = "{noon_zone()}"', 1)
    file = folder / "rules.toml"
    file.write_text(before + section + limits)
    return file
