"""What the services announced, as their logs have it: which facts, and in which order."""

from collections.abc import AsyncIterable
from dataclasses import dataclass, field

from deploy.ctl.places import Places
from shared.contracts.base import TYPE_PREFIX
from shared.contracts.routes import SERVICES
from shared.messaging.log import Logged, log_of, read_log

# Of these the subject is a user; which thing they are about is in their data.
ABOUT = {
    "wallet.gift_paid": "gift",
    "wallet.gift_refused": "gift",
    "wallet.coins_credited": "purchase",
    "payout.diamonds_earned": "gift",
}


@dataclass(slots=True)
class Announced:
    """Everything that was announced, each fact once."""

    # By the event's name: the gift, purchase or other thing it is about.
    about: dict[str, set[str]] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    # The greatest sequence so far of each subject of a service.
    sequences: dict[tuple[str, str], int] = field(default_factory=dict)
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
        self.about.setdefault(name, set()).add(thing)
        latest = self.sequences.setdefault((service, subject), sequence)
        if sequence < latest:
            self.out_of_order.append(f"{name} {subject} {sequence} after {latest}")
        else:
            self.sequences[service, subject] = sequence

    async def read(self, service: str, messages: AsyncIterable[Logged]) -> None:
        async for message in messages:
            self.hear(service, message)


async def read_all(places: Places) -> Announced:
    """Read every log from its beginning."""
    announced = Announced()
    async with places.connect() as connection:
        for service in SERVICES:
            log = read_log(connection, log_of(service), start="first")
            await announced.read(service, log)
    return announced
