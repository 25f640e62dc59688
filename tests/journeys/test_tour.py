"""The tour of a running system prints what its page shows."""

import os
import re
import subprocess
from uuid import uuid4

from deploy.docs.tour import PAGE, ROOT, SCRIPT, tour_page

# What is of one run: ids, moments, and names of the provider.
OF_A_RUN = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "an-id"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "a-moment"),
    (r"pay_[0-9a-f]{32}", "pay_id"),
    (r'"request_id": "[^"]+"', "a-request"),
)


def without_what_is_of_a_run(text):
    for pattern, name in OF_A_RUN:
        text = re.sub(pattern, name, text)
    return text


def run_tour(system, *, script):
    # People and a room that no other test of this system knows.
    own = uuid4().hex[:8]
    names = {"VIEWER": f"mira-{own}", "CREATOR": f"lea-{own}", "ROOM": f"room-1-{own}"}
    run = subprocess.run(
        ["bash", *script],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **names, "API": system.gateway_url},
    )
    assert not run.stderr
    printed = run.stdout.replace(system.gateway_url, "http://localhost:8080")
    return printed.replace(f"-{own}", "")


def test_the_tour_prints_what_its_page_shows(system):
    """Run it against `make up` and pipe it into deploy/docs/tour.py if it prints something else."""
    printed = run_tour(system, script=[str(SCRIPT)])

    assert without_what_is_of_a_run(tour_page(printed)) == without_what_is_of_a_run(
        PAGE.read_text()
    )


def test_the_tour_works_when_it_is_pasted(system):
    """Each command stands for itself: an interactive shell gets the text, and no file."""
    printed = run_tour(system, script=["-c", SCRIPT.read_text()])

    assert printed.count("postings_sum = 0") == 2
    assert "The second answer is the same" in printed


def test_the_readme_leads_to_the_tour():
    readme = (ROOT / "README.md").read_text()

    assert "bash deploy/tour" in readme
    assert "(docs/tour.md)" in readme
