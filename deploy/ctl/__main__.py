"""
The operator's commands: `python -m deploy.ctl ...`.

secrets | contracts [--check] | topology write | verify SERVICE | seal verify SERVICE | reconcile
"""

import argparse
import asyncio
import sys
from pathlib import Path

from prometheus_client import start_http_server

from deploy.ctl.contracts import stale_files, write_contracts
from deploy.ctl.places import Places
from deploy.ctl.secret_files import write_secrets

DEPLOY = Path(__file__).parent.parent
LEDGERS = ("wallet", "payout")


def main() -> None:
    chosen = _parser().parse_args()
    if chosen.command in ("verify", "seal", "reconcile"):
        sys.exit(0 if asyncio.run(_prove(chosen)) else 1)
    if chosen.command == "secrets":
        made = write_secrets(DEPLOY / "secrets", DEPLOY / "rabbitmq" / "20-users.json")
        sys.stdout.write(f"{len(made)} secrets made in {DEPLOY / 'secrets'}; the rest is kept.\n")
    elif chosen.command == "topology":
        write_contracts(only="topology")
    elif not chosen.check:
        write_contracts()
    elif stale := stale_files():
        raise SystemExit(f"Not as generated, run `make contracts`: {', '.join(stale)}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.ctl")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("secrets", help="make the secrets that are missing")
    contracts = commands.add_parser("contracts", help="write what is generated")
    contracts.add_argument("--check", action="store_true", help="only compare, write nothing")
    topology = commands.add_parser("topology", help="write the broker's topology")
    topology.add_argument("verb", choices=["write"])
    verify = commands.add_parser("verify", help="derive a ledger again from its postings")
    verify.add_argument("service", choices=LEDGERS)
    seal = commands.add_parser("seal", help="recompute the chain over a ledger's history")
    seal.add_argument("verb", choices=["verify"])
    seal.add_argument("service", choices=LEDGERS)
    reconcile = commands.add_parser("reconcile", help="compare the services with each other")
    reconcile.add_argument("--hours", type=int, default=48, help="how far back; 0 for all")
    reconcile.add_argument("--every-seconds", type=float, help="again and again, with metrics")
    reconcile.add_argument("--metrics-port", type=int, default=8000)
    return parser


async def _prove(chosen: argparse.Namespace) -> bool:
    from deploy.ctl import proofs  # noqa: PLC0415 - making secrets needs no database driver

    places = Places.from_environment()
    if chosen.command == "verify":
        return await proofs.verify(places, chosen.service)
    if chosen.command == "seal":
        return await proofs.verify_seals(places, chosen.service)
    if chosen.every_seconds is None:
        return await proofs.compare(places, hours=chosen.hours)
    start_http_server(chosen.metrics_port)
    while True:
        await proofs.compare_and_report(places, hours=chosen.hours)
        await asyncio.sleep(chosen.every_seconds)


if __name__ == "__main__":
    main()
