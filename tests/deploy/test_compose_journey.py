"""
Docker Compose, as Ovation is deployed: from an empty folder to a new version under load.

`make journey` runs it; it builds all images, so `make test` leaves it out.
"""

import json
import subprocess
import threading
import time
from dataclasses import dataclass, field

import httpx
import pytest

from deploy.config.services import ROLLED, SERVICES
from deploy.ctl.roll import roll
from deploy.demo import story
from deploy.demo.payers import GOOD_CARD
from deploy.demo.person import Person, StoryFailed
from deploy.harness.containers import engine_answers
from tests.deploy.installation import STAYING, installed

GIVERS = 4
PAUSE_SECONDS = 0.05
PAGES = ("/", "/v1/packages", "/v1/catalogue", "/v1/earnings/me", "/v1/rooms/rolling")

pytestmark = [
    pytest.mark.compose,
    pytest.mark.skipif(not engine_answers(), reason="NO DOCKER ENGINE ANSWERS: nothing deployed"),
]


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """Everything, up and healthy, from a fresh copy; returns it with its address."""
    with installed(tmp_path_factory.mktemp("ovation"), version="journey") as everything:
        yield everything


def test_everything_is_healthy(installation):
    """The fixture has waited for it: what is left is that each says so itself."""
    compose, _ = installation
    containers = [it for name in STAYING for it in compose.instances(name)]
    command = ["docker", "inspect", "-f", "{{.State.Health.Status}}", *containers]
    seen = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()

    assert seen == ["healthy"] * len(STAYING)


def test_the_whole_story_is_told_through_the_gateway(installation):
    _, url = installation

    assert story.play(url)


def test_every_image_is_small_in_rights_and_code(installation):
    """The image of a service holds no other's code, no compiler, no root, and is healthy."""
    compose, _ = installation
    for service in SERVICES:
        look = "id -u; ls services | grep -v __; command -v gcc cc make; touch /app/x 2>&1; true"
        seen = compose("exec", "-T", service, "sh", "-c", look).split("\n")

        assert seen[:2] == ["10001", service]
        assert "Read-only file system" in seen[2]


def test_no_service_can_be_reached_past_the_gateway(installation):
    compose, _ = installation
    command = ["docker", "inspect", *compose("ps", "-q").split()]
    seen = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    published = [it["Name"] for it in seen if any(it["NetworkSettings"]["Ports"].values())]
    assert len(published) == 1
    assert "gateway" in published[0]


def test_a_new_version_costs_no_request_and_no_gift(installation):
    """Every service is replaced while people give and look: all are answered, all is kept."""
    compose, url = installation
    lea = Person(url, "lea", roles=["creator"], country="FR")
    lea.put("/v1/rooms/rolling/stream", {})
    switch = f"/v1/gifts/creators/{lea.user}/rooms/rolling"
    _until(lambda: _is_taken(lea, switch))
    givers = [_Giver(Person(url, "mira", country="US"), lea.user) for _ in range(GIVERS)]
    for giver in givers:
        _buy(giver.person)
    watcher = _Watcher(url, lea)
    threads = [threading.Thread(target=each.go_on) for each in (*givers, watcher)]
    for thread in threads:
        thread.start()

    for replaced in roll(compose, ROLLED):
        print(*replaced)

    for each in (*givers, watcher):
        each.stopping.set()
    for thread in threads:
        thread.join()
    assert [giver.failures for giver in givers] == [[]] * GIVERS
    assert watcher.failures == []
    given = sum(len(giver.asked) for giver in givers)
    assert given > 0
    for giver in givers:
        _until(lambda who=giver: _sent(who.person) == len(who.asked))
    print(f"\n{given} gifts were given and {watcher.looked} looks taken meanwhile")
    _until(lambda: lea.get("/v1/earnings/me")["available_diamonds"] == given)
    _until(lambda: lea.get("/v1/rooms/rolling")["coins"] == given)
    for person in (lea, *(giver.person for giver in givers)):
        person.leave()


def _is_taken(creator, path):
    """Whether gift knows the room already."""
    try:
        return creator.put(path, {"gifts_off": False})
    except StoryFailed:
        return False


@dataclass
class _Giver:
    person: Person
    creator: str
    asked: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def go_on(self):
        wish = {"gift_type": "g_pebble", "creator": self.creator, "room": "rolling"}
        while not self.stopping.wait(PAUSE_SECONDS):
            try:
                answer = self.person.post("/v1/gifts", wish)
            except httpx.HTTPError as error:
                self.failures.append(repr(error))
                continue
            if answer.status_code not in (201, 202):
                self.failures.append(f"{answer.status_code} {answer.text}")
                continue
            self.asked.add(answer.json()["gift"])


@dataclass
class _Watcher:
    url: str
    person: Person
    looked: int = 0
    failures: list[str] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def go_on(self):
        with httpx.Client(base_url=self.url, timeout=60) as http:
            token = http.post("/issuer/token", json={"sub": self.person.user}).json()
            http.headers["Authorization"] = f"Bearer {token['access_token']}"
            self._look(http)

    def _look(self, http):
        while not self.stopping.wait(PAUSE_SECONDS):
            path = PAGES[self.looked % len(PAGES)]
            self.looked += 1
            try:
                answer = http.get(path)
            except httpx.HTTPError as error:
                self.failures.append(f"{path} {error!r}")
                continue
            if answer.status_code != 200:
                self.failures.append(f"{path} {answer.status_code} {answer.text[:200]}")


def _buy(person):
    """Enough coins for every gift of this journey."""
    bought = person.post("/v1/purchases", {"package": "coins_10000"}).json()
    httpx.post(bought["next_action"]["url"], data={"card": GOOD_CARD}, timeout=60)
    path = f"/v1/purchases/{bought['purchase']}"
    _until(lambda: person.get(path)["state"] == "completed")


def _sent(person):
    states = [gift["state"] for gift in story.all_gifts(person)]
    return states.count("sent")


def _until(happy):
    deadline = time.monotonic() + 60
    while not happy():
        assert time.monotonic() < deadline
        time.sleep(0.2)
