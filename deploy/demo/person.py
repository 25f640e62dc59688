"""Someone in a story: with a token, calling the public HTTP API as the host's app would."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx

from deploy.harness.authorities import trusted
from deploy.harness.issuer import ADULT_YEARS


class StoryFailed(Exception):
    """A step did not do what the story says; the message is what it did instead."""


class Person:
    """Someone with a token, who calls the public API."""

    def __init__(self, url: str, name: str, /, **claims: object) -> None:
        # A name of this run's own: the story may be played often against one system.
        self.user = f"{name}-{uuid4().hex[:6]}"
        self.name = str(claims.get("name") or name.title())
        self._http = httpx.Client(base_url=url, timeout=15, verify=trusted())
        known = {"sub": self.user, "name": self.name, "age_verified": ADULT_YEARS}
        answer = self._http.post("/issuer/token", json={**known, **claims})
        answer.raise_for_status()
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    @property
    def headers(self) -> httpx.Headers:
        """What goes with each of their requests."""
        return self._http.headers

    def introduce(self) -> None:
        """Let others see one's name, as a page does after signing in."""
        checked(self._http.put("/v1/people/me"), 200)

    def leave(self) -> None:
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        return checked(self._http.get(path, params=params), 200)

    def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None) -> httpx.Response:
        """Post with an idempotency key: a new one, or the one given to repeat a request."""
        return self._http.post(path, json=body, headers={"Idempotency-Key": key or str(uuid4())})

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return checked(self._http.put(path, json=body), 200)

    def follow(self, path: str, *, after: int) -> list[str]:
        """Read a room's event stream from where one left off, until its first events came."""
        headers = {"Last-Event-ID": str(after), "Accept": "text/event-stream"}
        with self._http.stream("GET", path, headers=headers) as answer:
            lines = []
            for line in answer.iter_lines():
                lines.append(line)
                if line.startswith("data:"):
                    break
        return lines


def checked(answer: httpx.Response, *expected: int) -> Any:
    if answer.status_code not in expected:
        request = answer.request
        raise StoryFailed(
            f"{request.method} {request.url.path}: {answer.status_code} {answer.text}"
        )
    return answer.json()
