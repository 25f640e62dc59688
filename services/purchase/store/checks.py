"""When open work is checked next."""

from services.purchase.domain.purchases import CHECK_DOUBLINGS_MAX, CHECK_SECONDS_FIRST

# After `:now`; the pause doubles with each check that a row has counted.
NEXT_CHECK = f"""
    CAST(:now AS timestamptz) + make_interval(
        secs => {CHECK_SECONDS_FIRST} * power(2, least(checks, {CHECK_DOUBLINGS_MAX}))
    )
"""
