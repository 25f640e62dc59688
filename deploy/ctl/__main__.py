"""`python -m deploy.ctl secrets | contracts [--check] | topology write`."""

import argparse
import sys
from pathlib import Path

from deploy.ctl.contracts import stale_files, write_contracts
from deploy.ctl.secret_files import write_secrets

DEPLOY = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.ctl")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("secrets", help="make the secrets that are missing")
    contracts = commands.add_parser("contracts", help="write what is generated")
    contracts.add_argument("--check", action="store_true", help="only compare, write nothing")
    topology = commands.add_parser("topology", help="write the broker's topology")
    topology.add_argument("verb", choices=["write"])
    chosen = parser.parse_args()

    if chosen.command == "secrets":
        made = write_secrets(DEPLOY / "secrets", DEPLOY / "rabbitmq" / "20-users.json")
        sys.stdout.write(f"{len(made)} secrets made in {DEPLOY / 'secrets'}; the rest is kept.\n")
    elif chosen.command == "topology":
        write_contracts(only="topology")
    elif not chosen.check:
        write_contracts()
    elif stale := stale_files():
        raise SystemExit(f"Not as generated, run `make contracts`: {', '.join(stale)}")


if __name__ == "__main__":
    main()
