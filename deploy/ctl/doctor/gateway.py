"""The gateway and the services behind it: whether the public address leads here, and all serve."""

import json
from collections.abc import AsyncIterator

import httpx

from deploy.config.environment import ROOT
from deploy.ctl.doctor.findings import Examined, Problem, State

REQUEST_SECONDS_MAX = 10
OPENAPI_FILE = ROOT / "deploy" / "gateway" / "openapi.json"


async def look_at_public_address(examined: Examined) -> AsyncIterator[Problem]:
    """Compare the API that the public address describes with that of this version."""
    url = examined.public_url
    if not url:
        missing = "OVATION_PUBLIC_URL is not set here, so nothing was asked"
        yield Problem("", missing, "Set it as the services have it", State.UNKNOWN)
        return
    if examined.is_public and url.startswith("http://"):
        yield Problem(url, "the public address is http: tokens can be read on the way")
    async with _client() as client:
        answer = await client.get(f"{url}/openapi.json")
    try:
        document = answer.json()
        title = document["info"]["title"]
        paths = set(document["paths"])
    except (ValueError, LookupError, TypeError):
        yield Problem(url, f"no gateway of ours: /openapi.json answers {answer.status_code}")
        return
    ours = json.loads(OPENAPI_FILE.read_text())
    if title != ours["info"]["title"]:
        yield Problem(url, f"no gateway of ours: its API is called {title!r}")
    elif paths != set(ours["paths"]):
        different = sorted(paths ^ set(ours["paths"]))[:3]
        yield Problem(url, f"another version than this one: {', '.join(different)} is only in one")


async def look_at_services(examined: Examined) -> AsyncIterator[Problem]:
    """Ask each service whether it can serve."""
    if not examined.services:
        missing = "OVATIONCTL_SERVICES is not set here, so no service was asked"
        yield Problem("", missing, "Set it: wallet=http://wallet:8000 ...", State.UNKNOWN)
        return
    async with _client() as client:
        for service, url in examined.services.items():
            try:
                answer = await client.get(f"{url}/readyz")
            except httpx.TransportError as error:
                yield Problem(service, f"{url}/readyz does not answer: {error or repr(error)}")
                continue
            if not answer.is_success:
                yield Problem(service, f"{url}/readyz answers {answer.status_code}{_said(answer)}")


def _said(answer: httpx.Response) -> str:
    """Return what a problem document says."""
    try:
        return f": {answer.json()['title']}"
    except (ValueError, LookupError, TypeError):
        return ""


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=REQUEST_SECONDS_MAX, trust_env=False)
