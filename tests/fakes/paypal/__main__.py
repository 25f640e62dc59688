"""Run the fake for a demonstration: `python -m tests.fakes.paypal --port 4243 --webhooks URL`."""

import argparse
import asyncio
from pathlib import Path

from tests.fakes.paypal.objects import CURRENCIES
from tests.fakes.paypal.vendor import PayPal


async def serve(fake: PayPal, port: int) -> None:
    await fake.start(port)
    webhooks = [each.id for each in fake.webhooks.endpoints]
    print(f"A fake PayPal listens at {fake.url}, with the webhooks {webhooks}.", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await fake.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--webhooks", help="where webhooks go")
    parser.add_argument("--webhook-id", help="what PayPal calls that webhook")
    parser.add_argument("--client", default="client-id")
    parser.add_argument("--secret", default="client-secret")
    parser.add_argument("--root", help="the file to write the root certificate of webhooks to")
    arguments = parser.parse_args()
    fake = PayPal(
        webhooks=arguments.webhooks,
        webhook_id=arguments.webhook_id,
        client=arguments.client,
        secret=arguments.secret,
        # Every currency that PayPal takes, so that none is converted.
        holds=("USD", *sorted(CURRENCIES - {"USD"})),
    )
    if arguments.root:
        Path(arguments.root).write_bytes(fake.chain.root.pem)
    try:
        asyncio.run(serve(fake, arguments.port))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
