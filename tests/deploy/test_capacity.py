"""The capacity model says what follows from what was measured, and no more."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.capacity import RATES, USE_MAX, Costs, DoubtfulFigures, machines, page, walls
from deploy.ctl.__main__ import app

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def costs():
    return Costs.checked_in()


@pytest.fixture
def results(tmp_path):
    """A file of `make bench` with some figures."""

    def write(figures, doubts=()):
        kept = [{"name": name, "this tree": values} for name, values in figures.items()]
        path = tmp_path / "results.json"
        path.write_text(json.dumps({"figures": kept, "doubts": list(doubts)}))
        return path

    return write


def test_the_costs_are_those_of_the_page_of_performance(costs):
    text = (ROOT / "docs" / "performance.md").read_text()
    (today,) = re.findall(r"CPU a gift, all processes, 64 open.*?ms: (.*?) \|$", text, re.MULTILINE)
    said = {name.lower(): float(ms) for name, ms in re.findall(r"(\w+) (\d\.\d+)", today)}

    assert said.pop("postgresql") == pytest.approx(sum(costs.postgres_ms.values()))
    assert said == costs.cpu_ms


def test_ten_times_the_gifts_need_ten_times_the_processors(costs):
    small, large = machines(costs, 100_000), machines(costs, 1_000_000)

    assert large.service_machines == pytest.approx(10 * small.service_machines, rel=0.05)
    assert large.kept_bytes_per_day == 10 * small.kept_bytes_per_day


def test_a_machine_is_never_planned_full(costs):
    for rate in RATES:
        cores = machines(costs, rate).gift_instances
        assert rate * costs.cpu_ms["gift"] / 1_000 <= cores * USE_MAX


def test_the_smallest_installation_still_survives_a_machine(costs):
    needed = machines(costs, 1)

    assert needed.service_machines == needed.broker_nodes == 3
    assert set(needed.databases.values()) == {3}


def test_the_first_wall_is_the_one_that_carries_least(costs):
    found = walls(costs)

    assert [wall.gifts_per_second for wall in found] == sorted(
        wall.gifts_per_second for wall in found
    )
    assert all(wall.remedy for wall in found)


def test_a_wall_moves_with_the_figure_behind_it(costs):
    relay = next(wall for wall in walls(costs) if "relay" in wall.name)
    faster = replace(costs, relay_messages_per_second=2 * costs.relay_messages_per_second)

    moved = next(wall for wall in walls(faster) if "relay" in wall.name)
    assert moved.gifts_per_second == 2 * relay.gifts_per_second


def test_what_was_measured_here_takes_the_place_of_what_is_checked_in(costs, results):
    path = results(
        {
            "CPU a gift, 64 open: gift": [1.0, 3.0, 2.0],
            "CPU a gift, 64 open: RabbitMQ": [0.7],
            "CPU a gift, 64 open: PostgreSQL wallet": [0.5],
            "CPU a gift, 64 open: purchase": [0.1],
            "a gift in the wallet's database": [500],
            "relay drain": [5_000],
        }
    )

    measured = costs.measured(path)

    assert measured.cpu_ms == {**costs.cpu_ms, "gift": 2.0, "rabbitmq": 0.7}
    assert measured.postgres_ms == {**costs.postgres_ms, "wallet": 0.5}
    assert measured.kept_bytes["wallet"] == 500
    assert measured.relay_messages_per_second == 5_000


def test_a_disturbed_benchmark_gives_no_model(costs, results):
    path = results({"CPU a gift, 64 open: gift": [1.0]}, doubts=["others took 60 % of the cores"])

    with pytest.raises(DoubtfulFigures, match="60 %"):
        costs.measured(path)
    answer = CliRunner().invoke(app, ["capacity", "--results", str(path)])
    assert answer.exit_code == 2


def test_the_command_prints_every_rate_and_every_wall(costs):
    told = CliRunner().invoke(app, ["capacity"]).stdout
    document = json.loads(CliRunner().invoke(app, ["capacity", "--json"]).stdout)

    assert all(f"| {rate:,} |" in told for rate in RATES)
    assert [each["rate"] for each in document["machines"]] == list(RATES)
    assert [each["name"] for each in document["walls"]] == [wall.name for wall in walls(costs)]


def test_the_page_has_what_the_model_says_today_and_names_the_first_three_walls(costs):
    text = (ROOT / "docs" / "operations" / "capacity.md").read_text()
    first = [wall.name for wall in walls(costs)[:3]]

    assert text == page()
    named = re.findall(r"^\d\. \*\*(.*?)\.\*\*", text, re.MULTILINE)
    words = {"Disks": "disk", "The relay": "relay", "Sessions": "sessions"}
    assert len(named) == 3
    assert all(words[title] in wall for title, wall in zip(named, first, strict=True))
