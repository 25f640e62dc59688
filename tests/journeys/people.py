"""People for journeys: they buy, give, cash out and complain through the public APIs only."""

import time
from contextlib import contextmanager
from uuid import uuid4

import httpx

from deploy.demo.person import Person
from deploy.harness.authorities import trusted

GOOD_CARD = "4242424242424242"
FINISH_SECONDS_MAX = 60.0
SCOPES = [
    *("books:read", "wallets:read", "wallets:freeze", "adjustments:write", "audit:read"),
    *("limits:write", "payouts:review", "refunds:write"),
]


class Stage:
    """A system with people on it, and the sandbox provider's own controls."""

    def __init__(self, system):
        self.system = system
        self.url = system.gateway_url
        self._people = []
        self._open = set()
        self._target_tokens = {}
        # Somebody without a token: at the issuer, and on the provider's pages.
        self._http = httpx.Client(timeout=60, verify=trusted())
        self._provider, self._payroll = (
            httpx.Client(
                base_url=system.sandbox_url,
                headers={"Authorization": f"Bearer {key}"},
                timeout=60,
                verify=trusted(),
            )
            for key in (system.secrets.payments_key, system.secrets.transfers_key)
        )

    def person(self, name, /, **claims):
        person = Person(self.url, name, **claims)
        self._people.append(person)
        return person

    def operator(self, name="ops"):
        return self.person(name, roles=["operator"], scopes=SCOPES)

    def leave(self):
        for person in self._people:
            person.leave()
        for client in (self._http, self._provider, self._payroll):
            client.close()

    def buy(self, person, package="coins_100", *, card=GOOD_CARD, key=None, **wish):
        """Buy coins and wait until they are in the wallet; return the purchase."""
        bought = person.post("/v1/purchases", {"package": package, **wish}, key=key).json()
        self._http.post(bought["next_action"]["url"], data={"card": card})
        path = f"/v1/purchases/{bought['purchase']}"
        eventually(lambda: person.get(path)["state"] == "completed")
        return bought["purchase"]

    def give(self, person, creator, gift_type="g_pebble", *, key=None, **wish):
        """
        Give in a room, which is open then; or outside of any, where the host says to whom.

        A busy machine may answer 202 first: as any client, we ask again under the same key.
        """
        room = wish.get("room")
        if room is None:
            wish["target_token"] = self._target_token(creator)
        elif (room, creator) not in self._open:
            self.open_room(creator, room)
        wish = {"gift_type": gift_type, "creator": creator, **wish}
        return decided(lambda key: person.post("/v1/gifts", wish, key=key), key)

    def open_room(self, creator, room):
        """Let a creator be live in a room, and wait until gifts can be sent there."""
        with httpx.Client(base_url=self.url, timeout=60, verify=trusted()) as client:
            claims = {"sub": creator, "roles": ["creator"]}
            token = client.post("/issuer/token", json=claims).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            if not client.get(f"/v1/rooms/{room}").json()["live"]:
                opened = client.put(f"/v1/rooms/{room}/stream", json={})
                assert opened.status_code == 200, opened.text
            path = f"/v1/gifts/creators/{creator}/rooms/{room}"
            eventually(lambda: client.put(path, json={"gifts_off": False}).status_code == 200)
        self._open.add((room, creator))

    def _target_token(self, creator):
        if creator not in self._target_tokens:
            asked = {"creators": [creator]}
            answer = self._http.post(f"{self.url}/issuer/target-token", json=asked)
            self._target_tokens[creator] = answer.json()["target_token"]
        return self._target_tokens[creator]

    def payment_of(self, purchase):
        found = self._provider.get("/payments", params={"reference": purchase}).json()["items"]
        return found[0]

    def provider(self, path, body):
        answer = self._provider.post(path, json=body, headers={"Idempotency-Key": uuid4().hex})
        assert answer.is_success, answer.text
        return answer.json()

    def transfers_of(self, attempt):
        return self._payroll.get("/transfers", params={"reference": attempt}).json()["items"]

    def events(self):
        return self._provider.get("/events").json()["items"]


@contextmanager
def stage_on(system):
    stage = Stage(system)
    try:
        yield stage
    finally:
        stage.leave()


def decided(give, key=None):
    """Ask under one key until a gift is no longer pending; return the answer."""
    key = key or uuid4().hex

    def answer():
        answered = give(key)
        return answered if answered.status_code != 202 else None

    return eventually(answer)


def eventually(condition, *, seconds=FINISH_SECONDS_MAX):
    """Wait until something is so, and say what it was instead if it never is."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"never: {condition}, {found}"
        time.sleep(0.05)
    return found
