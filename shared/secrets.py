"""
A secret that is being replaced has two values, its newest one first, a line each.

Whoever is asked takes either; whoever asks tries the newest, and then the one before. So neither
has to learn of the new one at the same moment as the other.
"""

VALUES_MAX = 2


def values_of(secret: str) -> list[str]:
    """Return what a secret is, and what it was before if that may still be good."""
    lines = [line.strip() for line in secret.splitlines()]
    return [line for line in lines if line][:VALUES_MAX] or [""]


def attempts_with(secret: str) -> list[str]:
    """Return what to try, in order: the other side may learn the newest between two attempts."""
    newest, *before = values_of(secret)
    return [newest, *before, newest] if before else [newest]
