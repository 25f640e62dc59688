"""What holds for each route of each service, without asking for it."""

import pytest

from deploy.config.services import DATABASES
from deploy.gateway.openapi import app_of
from shared.http.access import ACCESS, SCOPE, Access
from shared.http.people import OPERATOR_ROUTES
from tests.clients import a_token, a_verifier, client_of

JSON = "application/json"
ROLES = ["viewer", "creator", "operator"]


@pytest.fixture(scope="module", params=sorted(DATABASES))
def app(request):
    app = app_of(request.param)
    app.state.verifier = a_verifier()
    return app


def operations_of(app):
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            yield method, path, operation


async def test_every_address_that_takes_get_takes_head(app):
    paths = [path for method, path, _ in operations_of(app) if method == "get"]
    # Nobody is signed in: an address that knows the method says 401, and any other one 405.
    async with client_of(app) as anybody:
        heads = {path: await anybody.head(path) for path in paths}
        wanted = {path: (await anybody.get(path)).status_code for path in paths}

    assert len(paths) > 5
    assert {path: head.status_code for path, head in heads.items()} == wanted
    assert not any(head.content for head in heads.values())


async def test_every_body_that_is_not_declared_as_json_is_told_how_to_be(app):
    bodies = [
        (method, path, operation)
        for method, path, operation in operations_of(app)
        if JSON in operation.get("requestBody", {}).get("content", {})
        and operation.get(ACCESS) != Access.SIGNED
    ]
    answers = {}
    for method, path, operation in bodies:
        token = a_token(roles=ROLES, scope=operation.get(SCOPE, ""))
        async with client_of(app, token) as caller:
            asked = path if path.startswith(OPERATOR_ROUTES) else path.replace("{user}", "me")
            answer = await caller.request(method, asked, content=b'{"a": 1}')
        answers[method, path] = (answer.status_code, answer.json()["code"])
        assert "`unsupported-media-type`" in operation["responses"]["415"]["description"]

    assert len(answers) > 1
    # Nothing at all is taken in there, unless the installation pays by files.
    answers = {answer for answer in answers.values() if answer != (404, "no-bank-files")}
    assert answers == {(415, "unsupported-media-type")}
