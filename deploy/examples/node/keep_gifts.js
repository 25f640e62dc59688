// Keep every gift, once, in PostgreSQL: with amqplib and no library of Ovation's.
"use strict";

const amqp = require("amqplib");
const { Pool } = require("pg");

const TYPE = "dev.ovation.gift.sent.v1";
const PREFETCH = 100;
const PAUSE_MILLISECONDS_MAX = 5000;

const database = new Pool({ connectionString: process.env.DATABASE });
// A connection that breaks while nobody uses it is replaced at the next query.
database.on("error", (error) => console.error("The database:", error.message));

async function hear(channel, message) {
  if (message.properties.type === TYPE) {
    // The broker checks `userId`. An operator only repeats, and names who said it first.
    const { userId, headers } = message.properties;
    const saidBy = userId === "ovationctl" ? headers?.ovation_said_by : userId;
    if (saidBy !== "gift") {
      channel.reject(message, false);
      return;
    }
    const event = JSON.parse(message.content);
    // The primary key is what makes a repetition harmless.
    await database.query(
      "INSERT INTO gifts (id, data) VALUES ($1, $2) ON CONFLICT DO NOTHING",
      [event.id, JSON.stringify(event.data)],
    );
  }
  // After the commit, or a crash between the two would lose the gift.
  channel.ack(message);
}

// Consume until the connection breaks; what was not acknowledged comes again.
async function consume() {
  // Only with a database that answers: what we take and cannot keep counts as a failed delivery.
  await database.query("SELECT 1");
  const connection = await amqp.connect(`${process.env.BROKER}?heartbeat=10`);
  try {
    const channel = await connection.createChannel();
    await new Promise((_, broken) => {
      connection.on("error", broken);
      connection.on("close", () => broken(new Error("the connection was closed")));
      channel.on("error", broken);
      channel
        .prefetch(PREFETCH)
        .then(() =>
          channel.consume(process.env.QUEUE, (message) => {
            if (message === null) broken(new Error("the consumer was cancelled"));
            else hear(channel, message).catch(broken);
          }),
        )
        .catch(broken);
    });
  } finally {
    await connection.close().catch(() => {});
  }
}

async function main() {
  await database.query("CREATE TABLE IF NOT EXISTS gifts (id uuid PRIMARY KEY, data jsonb NOT NULL)");
  let pauseMilliseconds = 200;
  for (;;) {
    const started = Date.now();
    await consume().catch((error) => console.error(`Once more in ${pauseMilliseconds} ms:`, error.message));
    const lasted = Date.now() - started > PAUSE_MILLISECONDS_MAX;
    await new Promise((done) => setTimeout(done, pauseMilliseconds));
    pauseMilliseconds = lasted ? 200 : Math.min(2 * pauseMilliseconds, PAUSE_MILLISECONDS_MAX);
  }
}

process.on("SIGTERM", () => process.exit(0));
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
