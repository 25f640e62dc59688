"""`python -m deploy.local up`: run everything here until Ctrl-C."""

import os
import signal
import sys
import time

from deploy.local.processes import ServerFailed
from deploy.local.system import System

GATEWAY_PORT = 8080


def main(arguments: list[str]) -> None:
    if arguments != ["up"]:
        raise SystemExit("usage: python -m deploy.local up")
    # Whoever ends us politely sees everything end: SIGTERM is a Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        up()
    except ServerFailed as error:
        raise SystemExit(str(error)) from None
    except KeyboardInterrupt:
        print("\nStopped.")


def up() -> None:
    """Start everything, say where it is, and stay."""
    started = time.monotonic()
    with System(gateway_port=int(os.environ.get("OVATION_PORT", GATEWAY_PORT))) as system:
        print(f"Everything runs, after {time.monotonic() - started:.0f} s.")
        print(f"  pages and API  {system.gateway_url}")
        print(f"  tokens         POST {system.gateway_url}/issuer/token")
        print(f"  logs           {system.folder}")
        print("Ctrl-C stops it.", flush=True)
        signal.pause()


if __name__ == "__main__":
    main(sys.argv[1:])
