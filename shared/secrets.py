"""
A secret that is being replaced has two values, its newest one first, a line each.

The side that is asked takes either value; the side that asks tries the newest, then the one
before. So the two sides need not learn the new one at the same time.
"""

# Where a container finds them, one file each.
SECRETS_FOLDER = "/run/secrets"
VALUES_MAX = 2


def values_of(secret: str) -> list[str]:
    """Return what a secret is, and what it was before if that may still be good."""
    lines = [line.strip() for line in secret.splitlines()]
    return [line for line in lines if line][:VALUES_MAX] or [""]


def attempts_with(secret: str) -> list[str]:
    """Return what to try, in order: the other side may learn the newest between two attempts."""
    newest, *before = values_of(secret)
    return [newest, *before, newest] if before else [newest]
