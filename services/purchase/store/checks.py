"""When open work is checked next."""

from services.purchase.domain.purchases import CHECK_DOUBLINGS_MAX, CHECK_SECONDS_FIRST


def next_check(doublings_max: str) -> str:
    """Return the SQL of a time after `:now`: the pause doubles with each check of a row."""
    return f"""
        CAST(:now AS timestamptz) + make_interval(
            secs => {CHECK_SECONDS_FIRST} * power(2, least(checks, {doublings_max}))
        )
    """


NEXT_CHECK = next_check(str(CHECK_DOUBLINGS_MAX))
