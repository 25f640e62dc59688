"""Whatever is asked for, settled and waited for, in any order: combos are what a model says."""

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.config.databases import database_sql, quoted, run_sql
from services.gift import consumers
from services.gift.commands.catalogue import CatalogueCache
from services.gift.commands.combos import end_combos
from shared.postgres.database import Database
from shared.postgres.statements import text
from tests.deliveries import a_broker, a_delivery
from tests.gift.conftest import CATALOGUE, a_request, paid, refused, take_in

WINDOW_SECONDS = 5
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("ask"), st.lists(st.tuples(st.integers(0, 1), st.integers(1, 3)), min_size=1)
        ),
        st.tuples(st.just("repeat"), st.integers(0, 9)),
        st.tuples(
            st.just("decide_all"),
            st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=4),
        ),
        st.tuples(st.just("let_pass"), st.sampled_from([2, 3])),
        st.tuples(st.just("end_combos"), st.none()),
    ),
    max_size=25,
)
PASS = text("""
    UPDATE combos SET last_requested_at = last_requested_at
        - make_interval(secs => CAST(:seconds AS double precision))
    WHERE viewer = :viewer
""")
TOLD = text("""
    SELECT body FROM outbox WHERE key = :viewer
      AND routing_key IN ('gift.sent', 'gift.combo_ended') ORDER BY id
""")


@dataclass
class Model:
    """A combo as the rules have it."""

    last: float
    open: set[UUID] = field(default_factory=set)
    told: list[tuple[str, int]] = field(default_factory=list)
    count: int = 0

    def is_over(self, now):
        return not self.open and now - self.last >= WINDOW_SECONDS


class Teller:
    """The service, one viewer, and the model of that viewer's combos side by side."""

    def __init__(self, world):
        self.world = world
        self.viewer = f"viewer-{uuid4().hex[:8]}"
        self.now = 0.0
        self.requests = []
        self.decided = set()
        self.combos = defaultdict(list)

    def step(self, kind, what):
        getattr(self, kind)(what)

    def ask(self, taps):
        requests = [a_request(self.viewer, f"creator-{key}", count=n) for key, n in taps]
        for request in requests:
            combos = self.combos[request.priced.details.creator]
            if not combos or combos[-1].is_over(self.now):
                combos.append(Model(self.now))
            combos[-1].last = self.now
            combos[-1].open.add(request.gift)
        self.world.ask(requests)
        self.requests += requests

    def repeat(self, place):
        """Request again what was requested: it is no tap."""
        if self.requests:
            self.world.ask([self.requests[place % len(self.requests)]])

    def decide_all(self, outcomes):
        events = []
        for place, is_paid in outcomes:
            if not self.requests:
                return
            request = self.requests[place % len(self.requests)]
            say = paid if is_paid else refused
            events.append(say(request.gift, viewer=self.viewer, coins=request.priced.coins))
            if request.gift in self.decided:
                continue
            self.decided.add(request.gift)
            combo = next(
                c for c in self.combos[request.priced.details.creator] if request.gift in c.open
            )
            combo.open.remove(request.gift)
            if is_paid:
                combo.count += request.priced.details.count
                combo.told.append((str(request.gift), combo.count))
        self.world.hear(events)

    def end_combos(self, _):
        self.world.end_combos()

    def let_pass(self, seconds):
        self.now += seconds
        self.world.execute(PASS, {"seconds": seconds, "viewer": self.viewer})

    def finish(self):
        left = [place for place, each in enumerate(self.requests) if each.gift not in self.decided]
        if left:
            self.decide_all([(place, True) for place in left])
        self.let_pass(WINDOW_SECONDS + 1)
        self.end_combos(None)


class World:
    """A database of the gift service, and a loop to use it from a test that is not one."""

    def __init__(self, url, password):
        self.database = Database(url, password=password)
        self._loop = asyncio.new_event_loop()
        self._outcomes, *_ = consumers.build(
            self.database,
            a_broker("gift"),
            catalogue_cache=CatalogueCache(self.database, CATALOGUE),
            resolve=lambda _: None,
        )

    def ask(self, requests):
        self.run(take_in(self.database, *requests))

    def hear(self, events):
        self.run(self._outcomes.receive([a_delivery(event) for event in events]))

    def end_combos(self):
        self.run(self._in(lambda tx: end_combos(tx, CATALOGUE)))

    def execute(self, statement, parameters):
        return self.run(self._in(lambda tx: tx.execute(statement, parameters)))

    def run(self, work):
        return self._loop.run_until_complete(work)

    def close(self):
        self.run(self.database.close())
        self._loop.close()

    async def _in(self, work):
        async with self.database.transaction() as tx:
            return await work(tx)


@pytest.fixture(scope="module")
def world(postgres, template_of, credentials):
    name = f"any_combo_{uuid4().hex[:8]}"
    run_sql(postgres.dsn(), database_sql("gift", name, template=template_of("gift")))
    opened = World(postgres.dsn(name, user="gift"), credentials.database["gift"])
    yield opened
    opened.close()
    run_sql(postgres.dsn(), [f"DROP DATABASE {quoted(name)} WITH (FORCE)"])


@given(steps=STEPS)
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_combos_are_what_the_rules_say(world, steps):
    teller = Teller(world)
    for kind, what in steps:
        teller.step(kind, what)
    teller.finish()

    sent, ended = defaultdict(list), []
    for row in world.execute(TOLD, {"viewer": teller.viewer}):
        fact = json.loads(row.body)["data"]
        if "repeat_end" in fact:
            sent[fact["combo"]].append((fact["gift"], fact["repeat_count"]))
        else:
            ended.append(fact)
    expected = [c.told for combos in teller.combos.values() for c in combos if c.told]
    assert sorted(sent.values()) == sorted(expected)
    assert {fact["combo"] for fact in ended} == set(sent)
    assert len(ended) == len(sent)
    for fact in ended:
        assert fact["repeat_count"] == fact["combo_coins"] == sent[fact["combo"]][-1][1]
