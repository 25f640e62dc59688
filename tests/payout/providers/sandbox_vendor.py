"""A vendor that speaks the sandbox's protocol for transfers, and whose every mood is ours."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import ClassVar

from shared.http.webhooks import Signatures
from tests.fakes.base import Answer, Fake, Line
from tests.fakes.judge import Contract

KEY = "key of the test"
SECRET = "whsec_b3ZhdGlvbi10ZXN0LXNlY3JldC1vZi0zMi1ieXRlcy4="
STRANGER = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCBvZiAzMiBieXRlcw=="
REFUSING = "acct_refused"
TEXT, AMOUNT = {"type": "string"}, {"type": "integer"}
TRANSFER = {
    "type": "object",
    "required": ["id", "status", "reason", "reference", "amount_minor", "currency"],
    "properties": {
        **dict.fromkeys(("id", "status", "reference", "currency", "destination"), TEXT),
        "reason": {"type": "string", "nullable": True},
        "amount_minor": AMOUNT,
        "returned_minor": AMOUNT,
    },
}
ORDER = {
    "type": "object",
    "required": ["reference", "amount_minor", "currency", "destination"],
    "properties": {
        "amount_minor": AMOUNT,
        **dict.fromkeys(("reference", "currency", "destination"), TEXT),
    },
}
PROBLEM = {"type": "object", "required": ["type"], "properties": {"type": TEXT}}


def _content(schema):
    return {"content": {"application/json": {"schema": schema}}}


DOCUMENT = {
    "paths": {
        "/transfers": {
            "post": {
                "parameters": [
                    {"name": "Idempotency-Key", "in": "header", "required": True, "schema": TEXT}
                ],
                "requestBody": {"required": True, **_content(ORDER)},
                "responses": {"201": _content(TRANSFER), "default": _content(PROBLEM)},
            },
            "get": {
                "parameters": [
                    {"name": "reference", "in": "query", "required": True, "schema": TEXT}
                ],
                "responses": {
                    "200": _content(
                        {
                            "type": "object",
                            "properties": {"items": {"type": "array", "items": TRANSFER}},
                        }
                    ),
                    "default": _content(PROBLEM),
                },
            },
        }
    },
    "components": {"schemas": {"transfer": TRANSFER}},
}


@dataclass(slots=True)
class Transfer:
    id: str
    reference: str
    amount_minor: int
    currency: str
    destination: str
    status: str = "submitted"
    reason: str | None = None
    returned_minor: int = 0


class SandboxVendor(Fake):
    """Transfers in memory: paid at once, unless they are delayed."""

    name: ClassVar[str] = "sandbox"

    def __init__(self):
        super().__init__(Contract(DOCUMENT))
        self.by_key, self.delayed = {}, 0

    async def answer(self, call):
        if call.headers.get("Authorization") != f"Bearer {KEY}":
            return self.failure(401)
        if call.operation.name == "GET /transfers":
            reference = call.query["reference"]
            found = [asdict(each) for each in self.by_key.values() if each.reference == reference]
            return Answer(200, {"items": found})
        key = call.headers["Idempotency-Key"]
        if call.body["destination"] == REFUSING:
            return Answer(422, {"type": "account-closed"})
        if key in self.by_key:
            return Answer(201, asdict(self.by_key[key]))
        made = self.by_key[key] = Transfer(id=f"tr_{len(self.by_key) + 1}", **call.body)
        answer = Answer(201, asdict(made))
        if self.delayed:
            self.delayed -= 1
        else:
            self.become(made, "paid")
        return answer

    def become(self, transfer, status, *, reason=None, returned_minor=0):
        """Change a transfer, and tell of it."""
        before, transfer.status, transfer.reason = transfer.status, status, reason
        back = transfer.amount_minor if status in ("returned", "failed") else returned_minor
        back -= transfer.returned_minor
        if before != "paid" and status == "paid":
            self._book("transfers", transfer, -transfer.amount_minor)
        if before == "paid" and back:
            self._book("returns", transfer, back)
        if status in ("paid", "returned"):
            transfer.returned_minor += back
        body = {"type": f"transfer.{status}", "data": {"object": asdict(transfer)}}
        self.violations += self.contract.judge_object(
            "transfer", body["data"]["object"], where="webhook"
        )
        self.webhooks.publish(f"msg_{len(self.sent)}", body["type"], json.dumps(body).encode())

    def refusal(self, violations):
        return Answer(HTTPStatus.BAD_REQUEST, {"type": violations[0].text[:60]})

    def failure(self, status):
        return Answer(status, {"type": "trouble"})

    def sign(self, webhook, is_forged):
        at = datetime.fromtimestamp(self.now(), UTC)
        signatures = Signatures(STRANGER if is_forged else SECRET)
        return {
            "content-type": "application/json",
            "webhook-id": webhook.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signatures.sign(webhook.id, at, webhook.body.decode()),
        }

    def _book(self, kind, transfer, minor):
        self.lines.append(Line(kind, transfer.id, transfer.currency, minor))
