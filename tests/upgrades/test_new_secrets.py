"""
Every secret that services share is replaced while people buy and give: nobody notices.

In the order of docs/operations/runbooks/key-rotation.md: write, roll, tell. These secrets are
what the files would hold; those are in `tests/deploy/test_secrets.py`.
"""

import threading
from dataclasses import replace

import pytest
from asyncpg import InvalidPasswordError

from deploy.config.databases import fetch, provision
from deploy.config.environment import ROOT, new_secrets
from deploy.config.services import DATABASES
from deploy.harness.system import System
from shared.messaging.topology import VHOST, users
from shared.secrets import values_of
from tests.journeys.people import eventually, stage_on

GIVEN_MIN = 10


@pytest.fixture
def own_system():
    """A system of its own, for its passwords are changed."""
    with System(fast=True) as system:
        yield system


class Busy:
    """Viewers who buy coins and give them away, one after another."""

    def __init__(self, stage):
        self.given = 0
        self.refused = []
        self.stopping = threading.Event()
        self._stage = stage
        self.thread = threading.Thread(target=self._go_on)
        self.thread.start()

    def _go_on(self):
        try:
            while not self.stopping.is_set():
                # Each buys once: one viewer buys no more than five times a minute.
                viewer = self._stage.person("mira", country="DE")
                self._stage.buy(viewer)
                for _ in range(5):
                    answer = self._stage.give(viewer, "lea")
                    if answer.status_code not in (201, 202):
                        self.refused.append(answer.text)
                    self.given += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, it was not to happen
            self.refused.append(repr(error))

    def goes_on(self):
        """Return once this has seen some more, whatever happened before."""
        enough = self.given + GIVEN_MIN
        eventually(lambda: self.given >= enough or self.refused, seconds=120)


def with_the_one_before(new, old):
    """Each service's password as its file holds it; what others know is left as it is."""
    return {
        name: f"{new[name]}\n{known}" if name in DATABASES else known for name, known in old.items()
    }


def newest(passwords):
    return {name: values_of(password)[0] for name, password in passwords.items()}


def test_new_passwords_and_a_new_webhook_secret_cost_nobody_anything(own_system):
    old, new = own_system.secrets, new_secrets()
    with stage_on(own_system) as stage:
        busy = Busy(stage)
        busy.goes_on()

        own_system.secrets = replace(
            old,
            database=with_the_one_before(new.database, old.database),
            broker=with_the_one_before(new.broker, old.broker),
            payments_webhook_secret=new.payments_webhook_secret
            + "\n"
            + old.payments_webhook_secret,
            transfers_webhook_secret=(
                new.transfers_webhook_secret + "\n" + old.transfers_webhook_secret
            ),
        )
        own_system.join(ROOT)
        busy.goes_on()
        for service in DATABASES:
            own_system.terminate(service)
        busy.goes_on()
        provision(own_system.postgres.dsn(), newest(own_system.secrets.database))
        own_system.rabbit.load(users(newest(own_system.secrets.broker)), vhost=VHOST)
        busy.goes_on()
        busy.stopping.set()
        busy.thread.join()
        assert busy.refused == []

        # Who starts now opens every session anew, and servers know only what is new.
        for service in DATABASES:
            own_system.terminate(f"{service}-2")
        for service in DATABASES:
            own_system.start(f"{service}-2")
        stage.buy(stage.person("jonas", country="DE"))
        with pytest.raises(InvalidPasswordError):
            fetch(own_system.postgres.dsn("gift", user="gift", password=old.database["gift"]), "")
