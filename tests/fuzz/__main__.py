"""
The whole API is asked what it says it takes, and much that it does not: `make fuzz`.

Schemathesis makes the requests from the description that the gateway publishes. SEED says which,
SECONDS for how long; without a seed a new one is taken and said.
"""

import os
import random
import signal
import sys

from deploy.harness.processes import ServerFailed
from tests.fuzz.results import FILE, show
from tests.fuzz.run import run

SECONDS = 120
SEEDS = 1_000_000


def main() -> None:
    # Whoever ends us politely sees everything end: SIGTERM is a Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seed = int(os.environ.get("SEED") or random.randrange(SEEDS))
    seconds = int(os.environ.get("SECONDS") or SECONDS)
    print(f"SEED={seed} SECONDS={seconds}: starting everything ...", flush=True)
    try:
        outcome = run(seed=seed, seconds=seconds)
    except KeyboardInterrupt:
        sys.exit("Stopped.")
    except ServerFailed as error:
        sys.exit(str(error))
    show(outcome)
    if not outcome.holds:
        sys.exit(f"Not everything holds: see above and {FILE}. SEED={seed} asks the same again.")


if __name__ == "__main__":
    main()
