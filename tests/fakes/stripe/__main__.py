"""Run the fake for a demonstration: `python -m tests.fakes.stripe --port 4242 --webhooks URL`."""

import argparse
import asyncio

from tests.fakes.stripe.vendor import Stripe


async def serve(port: int, webhooks: str | None, secret: str, api_key: str) -> None:
    fake = Stripe(webhooks=webhooks, secret=secret, api_key=api_key)
    await fake.start(port)
    print(f"A fake Stripe listens at {fake.url}, with the key {api_key}.", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await fake.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--webhooks", help="where webhooks go")
    parser.add_argument("--secret", default="whsec_fake", help="the secret that signs them")
    parser.add_argument("--api-key", default="sk_test_fake")
    arguments = parser.parse_args()
    try:
        asyncio.run(serve(arguments.port, arguments.webhooks, arguments.secret, arguments.api_key))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
