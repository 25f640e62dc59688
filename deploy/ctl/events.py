"""Events: published ones as they pass, samples, and whether envelopes are valid."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterable, Iterator

from pydantic import ValidationError

from deploy.ctl.installation import Installation
from shared.contracts.base import Event
from shared.contracts.envelope import Envelope
from shared.contracts.routes import BY_TYPE, EVENTS, SERVICES
from shared.contracts.samples import envelope, samples
from shared.messaging.log import Logged, Start, log_of, read_log

NAMES = [event.name for event in EVENTS]


async def tail(
    installation: Installation,
    *,
    services: Collection[str] = SERVICES,
    only: Collection[str] = (),
    correlation: str | None = None,
    start: Start = "next",
    follow: bool = True,
) -> AsyncIterator[Logged]:
    """Yield what services publish, from now on or from a place in their logs."""
    arrived: asyncio.Queue[Logged | None] = asyncio.Queue()

    async def read(service: str) -> None:
        async for message in read_log(connection, log_of(service), start=start, follow=follow):
            await arrived.put(message)
        await arrived.put(None)

    async with installation.connect() as connection:
        readers = [asyncio.create_task(read(service)) for service in services]
        open_logs = len(readers)
        try:
            while open_logs:
                message = await arrived.get()
                if message is None:
                    open_logs -= 1
                elif _is_wanted(message, only, correlation):
                    yield message
        finally:
            for reader in readers:
                reader.cancel()


def invalid(lines: Iterable[str]) -> list[dict[str, object]]:
    """Return what is wrong with envelopes given as lines of JSON: the line and the error."""
    found: list[dict[str, object]] = []
    for number, line in enumerate(lines, start=1):
        errors = filter(None, map(_error, _documents(line)))
        found += [{"line": number, "error": error} for error in errors]
    return found


def sample_events(name: str | None, *, count: int, seed: int) -> Iterator[bytes]:
    """Yield envelopes of invented events; the same seed yields the same."""
    contracts = [event for event in EVENTS if name in (None, event.name)]
    for sequence, event in enumerate(samples(seed, count, contracts=contracts), start=1):
        yield envelope(event, sequence=sequence)


def _documents(line: str) -> list[str]:
    """Return what a line holds: an envelope, or a list of them as `--json` prints it."""
    if line.lstrip().startswith("["):
        try:
            return [json.dumps(each) for each in json.loads(line)]
        except ValueError:
            pass  # not JSON: reported like any other invalid line
    return [line] if line.strip() else []


def _is_wanted(message: Logged, only: Collection[str], correlation: str | None) -> bool:
    name = message.type.removeprefix("dev.ovation.").rpartition(".v")[0]
    return (not only or name in only) and correlation in (None, message.correlation_id)


def _error(line: str) -> str | None:
    try:
        head = Envelope[object].model_validate_json(line)  # type: ignore[type-var]
    except ValidationError as error:
        return _first(error)
    contract = BY_TYPE.get(head.type)
    if contract is None:
        return f"type: {head.type} is not an event of ours"
    try:
        envelope: Envelope[Event] = Envelope[contract].model_validate_json(line)  # type: ignore[valid-type]
    except ValidationError as error:
        return _first(error)
    event: Event = envelope.data
    for attribute, right in (
        ("id", event.id),
        ("subject", event.subject),
        ("partitionkey", event.partition_key),
        ("source", f"/ovation/{event.owner()}"),
    ):
        if getattr(envelope, attribute) != right:
            return f"{attribute}: is not that of the data, {right}"
    return None


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(step) for step in first['loc']) or 'line'}: {first['msg']}"
