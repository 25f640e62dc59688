"""The operations of the OpenAPI document: what each takes, who may use it, and who asks."""

import json
from dataclasses import dataclass
from typing import Any

from deploy.harness.gateway import OPENAPI_FILE

DOCUMENT = json.loads(OPENAPI_FILE.read_text())


@dataclass(frozen=True)
class Operation:
    """One operation of the OpenAPI document."""

    method: str
    path: str
    described: dict[str, Any]

    @property
    def label(self):
        return f"{self.method} {self.path}"

    @property
    def access(self):
        return self.described.get("x-access")

    @property
    def scope(self):
        return self.described.get("x-scope")

    def parameters(self, where):
        found = self.described.get("parameters", [])
        return [each["name"] for each in found if each["in"] == where]

    def required_queries(self):
        found = self.described.get("parameters", [])
        return [each["name"] for each in found if each["in"] == "query" and each.get("required")]


OPERATIONS = [
    Operation(method.upper(), path, described)
    for path, operations in DOCUMENT["paths"].items()
    for method, described in operations.items()
]
SCOPES = sorted({each.scope for each in OPERATIONS if each.scope})


@dataclass(frozen=True)
class Caller:
    """One kind of caller, with the token's roles and scopes."""

    name: str
    user: str | None
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    token: str | None = None

    def is_operator_with(self, scope):
        return "operator" in self.roles and scope in self.scopes
