"""Clocks: how far this machine's is from those of the servers and of the gateway."""

import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

import httpx

from deploy.config.services import DATABASES
from deploy.ctl.doctor.findings import Examined, Problem
from deploy.ctl.doctor.settings import reading
from shared.postgres.statements import text

# Tokens, leases and the hours of reconciliation are compared across machines.
SKEW_SECONDS_MAX = 2.0
REQUEST_SECONDS_MAX = 10
_NOW = text("SELECT extract(epoch FROM clock_timestamp())::float AS seconds")


async def look(examined: Examined) -> AsyncIterator[Problem]:
    """Compare clocks; the way there and back is no skew, and neither is a header's whole second."""
    servers = {examined.servers.server_of(service): service for service in DATABASES}
    for server, service in servers.items():
        async with reading(examined, service) as tx:
            asked = time.time()
            found = (await tx.execute(_NOW)).one().seconds
            for problem in _skew(f"PostgreSQL {server}", asked, found, found):
                yield problem
    urls = {"RabbitMQ": examined.servers.rabbit, "gateway": examined.public_url}
    async with httpx.AsyncClient(timeout=REQUEST_SECONDS_MAX, trust_env=False) as client:
        for name, url in urls.items():
            if not url:
                continue
            asked = time.time()
            answer = await client.get(url)
            if "date" in answer.headers:
                second = parsedate_to_datetime(answer.headers["date"]).timestamp()
                for problem in _skew(f"{name} {url}", asked, second, second + 1):
                    yield problem


def _skew(place: str, asked: float, earliest: float, latest: float) -> list[Problem]:
    """Return the problem if an answer's time was outside of the time in which we waited for it."""
    answered = time.time()
    ahead, behind = earliest - answered, asked - latest
    skew = max(ahead, behind)
    if skew <= SKEW_SECONDS_MAX:
        return []
    direction = "ahead of" if ahead > behind else "behind"
    return [Problem(place, f"its clock is {skew:.1f} s {direction} that of this machine")]
