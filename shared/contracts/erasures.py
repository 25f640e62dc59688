"""What all events about the erasure of a person have in common; each service publishes its own."""

from typing import Annotated

from pydantic import Field

from .base import ErasureId, Event, Name, Part, UserId, like, number

Obstacle = Annotated[Name, like("coins-left", "payout-open")]


class ErasureEvent(Event):
    """Something about the erasure of a person's own words, names and contacts."""

    subject_field = "erasure"
    partition_field = "user"

    erasure: ErasureId
    """The erasure, as `DELETE /v1/me` answered."""
    user: UserId
    """Whose words and names go: the `sub` of their token. The ledgers keep this id, and no more."""


class ErasureChecked(ErasureEvent):
    """A service has looked whether a person's money is settled."""

    obstacles: Annotated[tuple[Obstacle, ...], Field(max_length=16)] = ()
    """What has to end first; empty if nothing keeps the service from erasing."""


class ErasedKind(Part):
    """How much of one kind a service has erased."""

    kind: Annotated[Name, like("messages", "webhooks")]
    """What it was."""
    count: Annotated[int, number("rows", 12, 3, ge=0)]
    """How many rows lost it."""


class DataErased(ErasureEvent):
    """A service has erased what a person wrote, and what names them: the proof of it."""

    kinds: Annotated[tuple[ErasedKind, ...], Field(max_length=32)] = ()
    """What was erased, by kind; a kind of which there was nothing counts 0."""


class PurchaseErasureChecked(ErasureChecked):
    """The purchase service has looked whether a person's purchases and refunds have ended."""

    name = "purchase.erasure_checked"


class PurchaseDataErased(DataErased):
    """The purchase service has erased what names a person; its ledger keeps the opaque id."""

    name = "purchase.data_erased"


class WalletErasureChecked(ErasureChecked):
    """The wallet service has looked whether a person has coins left."""

    name = "wallet.erasure_checked"


class WalletDataErased(DataErased):
    """The wallet service has erased what names a person; its ledger keeps the opaque id."""

    name = "wallet.data_erased"


class PayoutErasureChecked(ErasureChecked):
    """The payout service has looked whether a person has diamonds left or a payout open."""

    name = "payout.erasure_checked"


class PayoutDataErased(DataErased):
    """The payout service has erased what names a person; its ledger keeps the opaque id."""

    name = "payout.data_erased"


class LiveDataErased(DataErased):
    """The live service has erased what a person wrote, and shows them to nobody any more."""

    name = "live.data_erased"


class WebhooksDataErased(DataErased):
    """The webhooks service has erased events that name a person, and were posted to teams."""

    name = "webhooks.data_erased"
