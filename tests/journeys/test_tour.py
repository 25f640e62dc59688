"""The README's tour, pasted into a shell."""

import json
import re
import subprocess
from pathlib import Path
from uuid import uuid4

README = Path(__file__).parent.parent.parent / "README.md"


def test_the_tour_of_the_readme_works_when_pasted(system):
    (tour,) = re.findall(r"```sh\n(API=.*?)```", README.read_text(), re.DOTALL)
    # People and a room that no other test of this system knows, and pauses for a busy machine.
    for name in ("mira", "lea", "room-1"):
        tour = re.sub(rf"(?<!_)\b{name}\b", f"{name}-{uuid4()}", tour)
    tour = re.sub(r"sleep \d", "sleep 5", tour)
    tour = tour.replace("http://localhost:8080", system.gateway_url)

    run = subprocess.run(
        ["bash", "-c", tour], check=True, capture_output=True, text=True, timeout=180
    )

    assert not run.stderr
    answers = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    packages, wallet, stream, gift, again, refused, room, ranks, earnings, *rest = answers
    payee, payout, coins, diamonds = rest
    assert "coins_5000" in {each["sku"] for each in packages["items"]}
    assert wallet["coins"] == 5_000
    assert room["stream"] == stream
    assert gift["state"] == "sent"
    assert again == gift
    assert refused["code"] == "insufficient-coins"
    assert ranks["me"]["rank"] == 1
    assert "event: gift" in run.stdout
    assert earnings["available_diamonds"] == gift["coins"]
    assert payee["destination"].endswith("_lea")
    assert payout["state"] == "paid"
    assert coins["postings_sum"] == diamonds["postings_sum"] == 0
