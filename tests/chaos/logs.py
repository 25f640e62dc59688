"""What the services announced, as their logs have it: which facts, and in which order."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from aio_pika.abc import AbstractConnection

from deploy.config.services import SEALED
from deploy.ctl.installation import Installation
from shared.contracts.base import TYPE_PREFIX
from shared.contracts.routes import SERVICES
from shared.messaging.log import Logged, Start, log_of, read_log

# Of these the subject is a user; which thing they are about is in their data.
ABOUT = {
    "wallet.gift_paid": "gift",
    "wallet.gift_refused": "gift",
    "wallet.coins_credited": "purchase",
    "payout.diamonds_earned": "gift",
}
BLOCKS, CHAIN = ".block_sealed", "chain"


@dataclass(slots=True)
class Published:
    """Everything that was announced, each fact once."""

    # By the event's name: the gift, purchase or other thing it is about.
    about: dict[str, set[str]] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    # Of each subject of a service: every sequence, and the greatest so far.
    sequences: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    latest: dict[tuple[str, str], int] = field(default_factory=dict)
    # Facts that came after a later fact of their subject, and had not come before it.
    out_of_order: list[str] = field(default_factory=list)
    repeated: int = 0

    def hear(self, service: str, message: Logged) -> None:
        """
        Count one message of a log.

        Published again it may come anywhere. For the first time it must not come after a later
        fact of its subject; facts of one step of a subject have one sequence.
        """
        if message.message_id in self.ids:
            self.repeated += 1
            return
        self.ids.add(message.message_id)
        envelope = message.envelope
        name = message.type.removeprefix(f"{TYPE_PREFIX}.").rpartition(".v")[0]
        subject, sequence = str(envelope["subject"]), int(envelope["sequence"])
        thing = str(envelope["data"][ABOUT[name]]) if name in ABOUT else subject
        if name.endswith(BLOCKS):
            # Each block is a subject of its own; what has an order is their chain.
            subject = CHAIN
        self.about.setdefault(name, set()).add(thing)
        self.sequences.setdefault((service, subject), set()).add(sequence)
        latest = self.latest.get((service, subject), 0)
        if sequence < latest:
            self.out_of_order.append(f"{name} {subject} {sequence} after {latest}")
        self.latest[service, subject] = max(sequence, latest)

    @property
    def gaps(self) -> list[str]:
        """Return the subjects that have facts of which an earlier one is in no log."""
        return [
            f"{service} {subject}"
            for (service, subject), sequences in self.sequences.items()
            # A ledger's sequences number its decisions; some of them are no event.
            if len(sequences) < max(sequences) and (service not in SEALED or subject == CHAIN)
        ]

    def unheard(self, service: str, decisions: Iterable[tuple[str, int]]) -> list[str]:
        """Return which of a ledger's decisions, by user and number, are in no log."""
        return [
            f"{service} {user} {number}"
            for user, number in decisions
            if number not in self.sequences.get((service, user), ())
        ]


async def read_all(installation: Installation) -> Published:
    """Read every log from its beginning to its end."""
    published = Published()
    async with installation.connect() as connection:
        for service in SERVICES:
            start: Start = "first"
            # A log that pauses on a busy machine looks as if it had ended: we ask again.
            while (last := await _read(connection, service, start, published)) is not None:
                start = last + 1
    return published


async def _read(
    connection: AbstractConnection, service: str, start: Start, published: Published
) -> int | None:
    """Hear a log from a place on; return the place of the last message, None if there is none."""
    last = None
    async for message in read_log(connection, log_of(service), start=start):
        published.hear(service, message)
        last = message.offset
    return last
