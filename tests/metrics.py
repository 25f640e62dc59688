"""What the process has counted so far, as a test asks for it."""

from prometheus_client import REGISTRY


def metric(name, **labels):
    """The value of a metric, 0 if nothing was counted yet."""
    return REGISTRY.get_sample_value(name, labels) or 0


def keys_counted(route):
    """How many requests a route had, by what their keys turned out to be."""
    outcomes = ("new", "repeated", "key_reused", "in_progress")
    return [metric("ovation_idempotency_total", route=route, outcome=each) for each in outcomes]


def since(before, after):
    """What was counted in between."""
    return [int(then - now) for now, then in zip(before, after, strict=True)]
