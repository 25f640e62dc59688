"""
A fake vendor: a stateful HTTP server whose requests, answers and webhooks a contract judges.

A subclass writes what the vendor does; this class serves it, breaks it on request (`lose_answer`,
`stall`, `fail`, `repeat`, `reorder`, `late`, `forge`, `skew`) and keeps what was contradicted.
"""

import asyncio
import json
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from random import Random
from types import TracebackType
from typing import ClassVar, Self, TypeAlias
from urllib.parse import parse_qsl

from aiohttp import web

from tests.fakes.faults import Fault, Faults, Kind
from tests.fakes.forms import MalformedForm, decode_form, typed
from tests.fakes.judge import FORM, Contract, Contradiction, Operation, Violation
from tests.fakes.schemas import Json
from tests.fakes.webhooks import Endpoint, Webhook, Webhooks

_CONTROL = "/_fake/"
# Amounts by currency and kind: books()["USD"]["fees"].
Books: TypeAlias = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the operation, and what came with it, in the types of the contract."""

    operation: Operation
    path: Mapping[str, str]
    query: Mapping[str, Json]
    body: Json
    headers: Mapping[str, str]
    raw: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the vendor says."""

    status: int
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """
    One change of what the vendor holds for us, in minor units; what leaves us is negative.

    `kind` is a plural noun: payments, fees, refunds, refund_failures, disputes, dispute_reversals.
    `charged` is the same in the payer's currency, where that is another one or the payer's bank is
    the other side; fees have none.
    """

    kind: str
    payment: str
    currency: str
    amount_minor: int
    charged_currency: str = ""
    charged_minor: int = 0


class Fake(ABC):
    """A vendor in this event loop. Use it as `async with`: leaving it raises contradictions."""

    name: ClassVar[str]
    # What `POST /_fake/<verb>` may call in a fake that runs as a process.
    verbs: ClassVar[frozenset[str]] = frozenset(
        {"lose_answer", "stall", "fail", "repeat", "lose_webhooks", "late", "reorder", "release"}
        | {"forge", "skew", "books", "charged", "contradictions"}
    )

    def __init__(
        self, contract: Contract, *, webhooks: str | None = None, secret: str = "", seed: int = 0
    ) -> None:
        self.contract = contract
        self.faults = Faults()
        self.webhooks = Webhooks(self.sign)
        if webhooks:
            self.webhooks.endpoints.append(Endpoint(webhooks, secret))
        self.violations: list[Violation] = []
        self.broken: list[Exception] = []
        self.lines: list[Line] = []
        self.calls: list[str] = []
        self.random = Random(seed)
        self._offset_seconds = 0.0
        self._runner: web.AppRunner | None = None
        self._url: str | None = None

    # What a vendor writes.

    @abstractmethod
    async def answer(self, call: Call) -> Answer:
        """Do what was asked, in one go: without an await between reading and writing state."""

    @abstractmethod
    def refusal(self, violations: list[Violation]) -> Answer:
        """Say that a request is malformed, as the vendor says it (400)."""

    @abstractmethod
    def failure(self, status: int) -> Answer:
        """Say an error of this status, as the vendor says it: 404, 409, 429, 500."""

    @abstractmethod
    def sign(self, webhook: Webhook, is_forged: bool) -> Mapping[str, str]:
        """Return the headers of a webhook; a forged one has a signature of another secret."""

    async def break_call(self, call: Call, status: int, *, is_done: bool) -> Answer:
        """Answer with an error, after the work or without it. A vendor may keep it by its key."""
        if is_done:
            await self.answer(call)
        return self.failure(status)

    async def page(self, request: web.Request) -> web.StreamResponse | None:
        """Answer what is no operation: the payer's page, a certificate. None is a 404."""
        del request
        return None

    # Start and stop.

    @property
    def url(self) -> str:
        assert self._url, "start the fake first"
        return self._url

    async def start(self, port: int = 0, *, host: str = "127.0.0.1", workers: int = 1) -> Self:
        """Listen; with one worker, webhooks are sent in order."""
        app = web.Application(client_max_size=4 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self._url = f"http://{host}:{self._runner.addresses[0][1]}"
        self.webhooks.start(workers=workers)
        return self

    async def stop(self) -> None:
        """Stop, and raise what the contract refused and no test expected."""
        await self.webhooks.stop()
        if self._runner:
            await self._runner.cleanup()
        self.raise_contradictions()

    def raise_contradictions(self) -> None:
        if self.violations:
            cause = self.broken[0] if self.broken else None
            raise Contradiction("\n".join(map(str, self.take_violations()))) from cause

    def contradictions(self) -> list[str]:
        """Return what the contract refused so far, in words; it still fails the test."""
        return [str(violation) for violation in self.violations]

    def take_violations(self) -> list[Violation]:
        """Return what the contract refused so far, and forget it: a test that expects it."""
        taken, self.violations = self.violations, []
        return taken

    async def __aenter__(self) -> Self:
        return await self.start() if self._runner is None else self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await self.stop()
        except Contradiction as contradiction:
            # The test's own failure is often a consequence of the contradiction: say both.
            if error is None:
                raise
            error.add_note(f"The contract of {self.name} was contradicted:\n{contradiction}")

    # Faults.

    def lose_answer(self, times: int = 1, *, operation: str | None = None) -> None:
        """Do the work of the next calls, then close the connection without an answer."""
        self._add_fault(Fault(Kind.LOSE_ANSWER, times, operation))

    def stall(self, seconds: float, times: int = 1, *, operation: str | None = None) -> None:
        """Do the work of the next calls, and answer late."""
        self._add_fault(Fault(Kind.STALL, times, operation, seconds=seconds))

    def fail(
        self,
        status: int,
        times: int = 1,
        *,
        operation: str | None = None,
        is_done: bool = False,
    ) -> None:
        """Answer the next calls with an error; their work is not done, unless `is_done`."""
        self._add_fault(Fault(Kind.FAIL, times, operation, status=status, is_done=is_done))

    def repeat(self, times: int = 1) -> None:
        """Send each of the next webhooks twice."""
        self.webhooks.repeat(times)

    def lose_webhooks(self, times: int = 1) -> None:
        """Never send the next webhooks."""
        self.webhooks.lose(times)

    def late(self) -> None:
        """Hold webhooks until `release`."""
        self.webhooks.hold()

    def reorder(self) -> None:
        """Hold webhooks until `release`, and send them in another order then."""
        self.webhooks.hold(self.random)

    def release(self) -> None:
        """Send what was held, and no longer hold."""
        self.webhooks.release()

    async def forge(self, webhook: Webhook | None = None) -> int:
        """Send a webhook (the last one) with a wrong signature; return the receiver's status."""
        return await self.webhooks.forge(webhook or self.sent[-1])

    def skew(self, seconds: float) -> None:
        """Set the vendor's clock: so much before ours (after ours, if negative)."""
        self._offset_seconds = seconds

    def now(self) -> float:
        """Return the vendor's time, in seconds since 1970."""
        return time.time() + self._offset_seconds

    @property
    def sent(self) -> list[Webhook]:
        """All webhooks that were due, the lost and the held ones too."""
        return self.webhooks.sent

    def _add_fault(self, fault: Fault) -> None:
        if fault.operation is not None:
            self.contract.require_operation(fault.operation)
        self.faults.add(fault)

    # Books.

    def books(self) -> Books:
        """Add up by currency and kind what the vendor holds for us, from its own lines."""
        totals: Books = defaultdict(lambda: defaultdict(int))
        for line in self.lines:
            totals[line.currency][line.kind] += line.amount_minor
        return {currency: dict(kinds) for currency, kinds in totals.items()}

    def charged(self) -> Books:
        """Add up the same in the currencies of the payers, which know no fees."""
        totals: Books = defaultdict(lambda: defaultdict(int))
        for line in self.lines:
            if line.charged_currency:
                totals[line.charged_currency][line.kind] += line.charged_minor
        return {currency: dict(kinds) for currency, kinds in totals.items()}

    # Judged traffic.

    def publish(self, identifier: str, kind: str, body: Json, *, schema: str) -> None:
        """Judge a webhook's body and send it."""
        self.violations += self.contract.judge_object(schema, body, where=f"webhook {kind}")
        self.webhooks.publish(identifier, kind, json.dumps(body, separators=(",", ":")).encode())

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        found = self.contract.operation(request.method, request.path)
        if request.path.startswith(_CONTROL) and request.method == "POST":
            return await self._control(request)
        if found is None:
            page = await self.page(request)
            return page if page is not None else _response(self.failure(404))
        operation, path = found
        self.calls.append(operation.name)
        answer = self._judged(operation, await self._answer(request, operation, path))
        if self.faults.take(operation.name, Kind.LOSE_ANSWER):
            assert request.transport is not None
            request.transport.abort()
        elif fault := self.faults.take(operation.name, Kind.STALL):
            await asyncio.sleep(fault.seconds)
        response = _response(answer)
        response.headers["Date"] = format_datetime(datetime.fromtimestamp(self.now(), UTC), True)
        return response

    async def _control(self, request: web.Request) -> web.Response:
        """Call a verb with the arguments of a JSON body, from outside of this process."""
        verb = request.path.removeprefix(_CONTROL)
        if verb not in self.verbs:
            return web.json_response({"error": f"{verb}: no verb of {self.name}"}, status=404)
        arguments = await request.json() if request.can_read_body else {}
        try:
            said = getattr(self, verb)(**arguments)
            said = await said if asyncio.iscoroutine(said) else said
        except Exception as error:  # noqa: BLE001 - the caller made the mistake
            return web.json_response({"error": repr(error)}, status=400)
        return web.json_response(said)

    async def _answer(
        self, request: web.Request, operation: Operation, path: Mapping[str, str]
    ) -> Answer:
        raw = await request.read()
        where = f"request {operation.name}"
        try:
            query = self._query(request, operation)
            body = self._body(request.content_type, raw, operation)
        except (MalformedForm, UnicodeDecodeError, json.JSONDecodeError) as error:
            violations = [Violation(where, "", str(error))]
        else:
            violations = self.contract.judge_request(
                operation, query=query, headers=request.headers, body=body
            )
        if violations:
            self.violations += violations
            return self.refusal(violations)
        call = Call(operation, path, query, body, request.headers, raw)
        try:
            if fault := self.faults.take(operation.name, Kind.FAIL):
                return await self.break_call(call, fault.status, is_done=fault.is_done)
            return await self.answer(call)
        except Exception as error:  # noqa: BLE001 - any mistake of a fake fails the test
            # A mistake of the fake would look like a broken vendor, which our code has to survive.
            self.violations.append(Violation(where, "", f"the fake broke: {error!r}"))
            self.broken.append(error)
            return self.failure(500)

    def _query(self, request: web.Request, operation: Operation) -> dict[str, Json]:
        decoded = decode_form(request.query.items())
        resolve = self.contract.resolve
        return {
            name: typed(value, operation.parameters[name]["schema"], resolve)
            if name in operation.parameters
            else value
            for name, value in decoded.items()
        }

    def _body(self, kind: str, raw: bytes, operation: Operation) -> Json:
        if kind == FORM or (not raw and operation.content_type == FORM):
            pairs = parse_qsl(raw.decode(), keep_blank_values=True)
            return typed(decode_form(pairs), operation.body or {}, self.contract.resolve)
        return json.loads(raw) if raw else None

    def _judged(self, operation: Operation, answer: Answer) -> Answer:
        self.violations += self.contract.judge_answer(operation, answer.status, answer.body)
        return answer


def _response(answer: Answer) -> web.Response:
    if answer.body is None:
        return web.Response(status=answer.status, headers=answer.headers)
    # Without a charset: Apple's library reads errors of exactly this type only.
    return web.Response(
        body=json.dumps(answer.body).encode(),
        content_type="application/json",
        status=answer.status,
        headers=answer.headers,
    )
