"""What a check looks at, and what it finds."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from deploy.config.environment import ROOT
from deploy.config.services import SERVICES
from deploy.ctl.installation import SECRETS, Installation

OUTBOX_SECONDS_MAX = 60.0
DEAD_LETTERS_MAX = 0
# Addresses of a machine itself: what is there is practice.
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class State(Enum):
    """A check that could not look is unknown, and never well."""

    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that is not known to be well.

    `place` is the server, service, role, queue or file; `problem` has the value that was found.
    """

    check: str
    state: State
    place: str
    problem: str
    action: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What a check says; without an action of its own, the check's holds."""

    place: str
    problem: str
    action: str = ""
    state: State = State.WRONG


@dataclass(frozen=True, slots=True)
class Limits:
    """What is still well: seconds of the oldest waiting message, and a number of dead letters."""

    outbox_seconds: float = OUTBOX_SECONDS_MAX
    dead_letters: int = DEAD_LETTERS_MAX


@dataclass(frozen=True, slots=True)
class Examined:
    """
    An installation, as far as an operator's environment says where it is.

    `services` are addresses of single services, by name; `seeds` are files by the variables that
    name them.
    """

    servers: Installation
    public_url: str = ""
    services: Mapping[str, str] = field(default_factory=dict)
    seeds: Mapping[str, Path] = field(default_factory=dict)
    secrets: Path = SECRETS
    takes_test_payments: bool = False
    archive: str = ""
    limits: Limits = Limits()

    @classmethod
    def from_environment(cls, limits: Limits) -> Self:
        """Read OVATIONCTL_SERVICES, `wallet=http://wallet:8000 ...`, and what services read."""
        pairs = os.environ.get("OVATIONCTL_SERVICES", "").split()
        seeds = {
            variable: Path(os.environ.get(variable, ROOT / "seeds" / file))
            for service in SERVICES.values()
            for key, file in service.seeds.items()
            for variable in (service.variable(key),)
        }
        return cls(
            servers=Installation.from_environment(),
            public_url=os.environ.get("OVATION_PUBLIC_URL", "").rstrip("/"),
            services=dict(pair.split("=", 1) for pair in pairs if "=" in pair),
            seeds=seeds,
            secrets=Path(os.environ.get("OVATION_SECRETS_DIR", SECRETS)),
            takes_test_payments=os.environ.get("OVATION_TEST_PAYMENTS", "").lower() == "true",
            archive=os.environ.get("OVATION_ARCHIVE", ""),
            limits=limits,
        )

    @property
    def is_public(self) -> bool:
        """Whether others than this machine are served."""
        return bool(self.public_url) and urlsplit(self.public_url).hostname not in LOOPBACK


Look = Callable[[Examined], AsyncIterator[Problem]]


@dataclass(frozen=True, slots=True)
class Check:
    """
    One question about an installation.

    `finds` says what is wrong if it finds something, `action` what to do then.
    """

    name: str
    finds: str
    action: str
    look: Look
