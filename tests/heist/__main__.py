"""
Thieves try to get money out of a running system, with and without each defence: `make heist`.

SEED says by which chance cards are noticed; ONLY names runs, separated by commas.
"""

import asyncio
import os
import sys
import time

import uvloop

from deploy.harness.processes import ServerFailed
from shared.observability.logging import configure_logging
from tests.heist.results import show
from tests.heist.run import run, variants

SEED = 1


def main() -> None:
    configure_logging("heist", level="ERROR")
    seed = int(os.environ.get("SEED") or SEED)
    only = [name for name in os.environ.get("ONLY", "").split(",") if name]
    started = time.monotonic()
    try:
        results = uvloop.run(run(variants(only), seed=seed))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("Stopped.")
    except ServerFailed as error:
        sys.exit(str(error))
    worse = show(results, seed=seed)
    print(f"{time.monotonic() - started:.0f} s")
    if worse:
        sys.exit("\n".join(worse))


if __name__ == "__main__":
    main()
