"""The ids of purchases, which say in which part their purchase is: a provider names nobody."""

from uuid import UUID, uuid5

from shared.contracts.base import NAMESPACE
from shared.postgres.database import Database, Part
from shared.postgres.parts import place_of


def purchase_id(viewer: str, key: str) -> UUID:
    """
    Derive the id of a purchase, which is also the provider's idempotency key.

    Neither a user nor a key contains a line break, so no two pairs of them meet in one id. Its
    viewer, the provider and operators see it, and they know the viewer: nothing is learned from it.
    Its first byte is the viewer's place, so the id alone leads to the part of its viewer.
    """
    derived = uuid5(NAMESPACE, f"purchase|{viewer}\n{key}")
    return UUID(bytes=bytes([place_of(viewer)]) + derived.bytes[1:])


def part_with(database: Database, purchase: UUID) -> Part:
    """Return the part that has a purchase, if there is such a purchase."""
    return database.part_at(purchase.bytes[0])
