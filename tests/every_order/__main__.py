"""
Every order of every set of up to five facts, each fact also twice: `make orders`.

SIZE is the number of facts in the largest sets, SHARDS the number of processes. The result is in
`.bench/orders.json` as well.
"""

import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from tests.every_order.alphabet import sets_of
from tests.every_order.run import Summary
from tests.every_order.shards import run_shard

FILE = Path(".bench/orders.json")
SIZE, SHARDS = 5, 2


def main() -> None:
    size = int(os.environ.get("SIZE") or SIZE)
    shards = int(os.environ.get("SHARDS") or SHARDS)
    sets = [facts for number in range(1, size + 1) for facts in sets_of(number)]
    print(f"SIZE={size} SHARDS={shards}: {len(sets)} sets of up to {size} facts", flush=True)
    started = time.monotonic()
    with ProcessPoolExecutor(shards, mp_context=get_context("spawn")) as processes:
        parts = processes.map(run_shard, [sets[number::shards] for number in range(shards)])
        total = Summary(sets=len(sets))
        for part in parts:
            total.add(part)
    told = {**asdict(total), "size": size, "seconds": round(time.monotonic() - started)}
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(told, indent=2) + "\n")
    for kind, example in total.shown.items():
        print(f"{total.kinds[kind]} x {example}")
    print(
        f"{total.sets} sets, {total.orders} orders, {total.late} with late consequences,"
        f" {total.duplicates} duplicates, {total.differences} differences, {told['seconds']} s"
    )
    if total.differences:
        sys.exit(f"Not every order ends as the facts say: see above and {FILE}.")


if __name__ == "__main__":
    main()
