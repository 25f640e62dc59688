"""Keep every gift, once, in SQLite: with plain pika and no library of Ovation's."""

import json
import os
import signal
import sqlite3
import sys
import time

import pika

TYPE = "dev.ovation.gift.sent.v1"
PREFETCH = 100
PAUSE_SECONDS_MAX = 5.0

database = sqlite3.connect(os.environ["DATABASE"])
database.execute("CREATE TABLE IF NOT EXISTS gifts (id TEXT PRIMARY KEY, data TEXT NOT NULL)")


def handle(channel, method, properties, body):
    """Keep one gift and acknowledge it: in this order, or a crash between the two loses it."""
    if properties.type == TYPE:
        # The broker checks `user_id`. An operator only repeats, and names who said it first.
        said_by = properties.user_id
        if said_by == "ovationctl":
            said_by = (properties.headers or {}).get("ovation_said_by")
        if said_by != "gift":
            channel.basic_reject(method.delivery_tag, requeue=False)
            return
        event = json.loads(body)
        with database:
            # The primary key is what makes a repetition harmless.
            database.execute(
                "INSERT INTO gifts VALUES (?, ?) ON CONFLICT DO NOTHING",
                (event["id"], json.dumps(event["data"])),
            )
    channel.basic_ack(method.delivery_tag)


def consume():
    """Consume until the connection breaks; what was not acknowledged comes again."""
    parameters = pika.URLParameters(os.environ["BROKER"])
    parameters.heartbeat = 10
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.basic_qos(prefetch_count=PREFETCH)
    channel.basic_consume(os.environ["QUEUE"], handle)
    channel.start_consuming()


def main():
    """Consume for ever, with longer and longer pauses while it does not work."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    pause_seconds = 0.2
    while True:
        started = time.monotonic()
        try:
            consume()
        except pika.exceptions.AMQPError as error:
            sys.stderr.write(f"Once more in {pause_seconds} s: {error!r}\n")
        time.sleep(pause_seconds)
        lasted = time.monotonic() - started > PAUSE_SECONDS_MAX + pause_seconds
        pause_seconds = 0.2 if lasted else min(2 * pause_seconds, PAUSE_SECONDS_MAX)


main()
