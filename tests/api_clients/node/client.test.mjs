// The TypeScript client in Node: attempts under one key, tokens, refusals, pages, feed, webhooks.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { afterEach, beforeEach, test } from "node:test";

const client = process.env.CLIENT;
const { each, follow, isProblem, Ovation, ProblemError } = await import(`${client}/index.js`);
const { NotVerified, verify } = await import(`${client}/webhooks.js`);

const KEY = "idempotency-key";
const GIFT = { gift: "g1", state: "sent", viewer: "mira" };
const SENT = { status: 201, body: GIFT };
const OPEN = { status: 202, body: { ...GIFT, state: "requested" } };
const BUSY = { status: 503, body: { type: "unavailable", title: "Busy.", status: 503 }, headers: { "Retry-After": "0" } };
const NOT_VALID = { status: 401, body: { type: "unauthenticated", title: "No.", status: 401 } };
const LOST = { lost: true };

let server;
let replies;
let requests;
let ovation;
let tokens;

/** Answer as a test says, the last answer for ever. */
function answer(request, response) {
  requests.push(request);
  const { status = 200, headers = {}, body, text, lost } = replies.length > 1 ? replies.shift() : replies[0];
  request.resume();
  if (lost && !text) return request.socket.destroy();
  const type = text ? "text/event-stream" : "application/json";
  response.writeHead(status, { "Content-Type": type, ...headers });
  if (!lost) return response.end(text ?? JSON.stringify(body));
  response.write(text, () => setTimeout(() => request.socket.destroy(), 50));
}

beforeEach(async () => {
  [replies, requests, tokens] = [[], [], 0];
  server = createServer(answer);
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const baseUrl = `http://127.0.0.1:${server.address().port}`;
  const retries = { deadlineMs: 20_000, firstPauseMs: 10, pauseMsMax: 10 };
  ovation = new Ovation({ baseUrl, token: async () => `token-${++tokens}`, retries });
});

afterEach(() => { server.closeAllConnections(); server.close(); });

const sent = (header) => requests.map(({ headers }) => headers[header]);
const give = (more = {}) =>
  ovation.post("/v1/gifts", { body: { gift_type: "g_rose", creator: "lea", room: "r" }, ...more });
const entry = (number, kind = "gift") => `event: ${kind}\nid: ${number}\ndata: {"number": ${number}}\n\n`;

for (const [name, trouble] of Object.entries({ BUSY, LOST, OPEN, none: { status: 502 } })) {
  test(`a gift is repeated under its key until it is decided (${name})`, async () => {
    replies = [trouble, trouble, SENT];
    assert.equal((await give()).state, "sent");
    const keys = sent(KEY);
    assert.equal(keys.length, 3);
    assert.equal(new Set(keys).size, 1);
    assert.match(keys[0], /^[0-9a-f]{32}$/);
  });
}

test("two gifts have two keys, and a key that is given is kept", async () => {
  replies = [SENT];
  await give();
  await give();
  await give({ params: { header: { "Idempotency-Key": "mine" } } });
  await give({ headers: { "Idempotency-Key": "yours" } });
  const [first, second, ...given] = sent(KEY);
  assert.notEqual(first, second);
  assert.deepEqual(given, ["mine", "yours"]);
});

test("a refusal has its code and its facts", async () => {
  replies = [{ status: 402, body: { type: "https://coins.example/problems/insufficient-coins", title: "Too few.", shortfall_coins: 7 } }];
  const error = await give().catch((refused) => refused);
  assert.ok(isProblem(error, "insufficient-coins"));
  assert.ok(!isProblem(error, "too-late"));
  assert.equal(error.problem.shortfall_coins, 7);
  assert.equal(error.problem.status, 402);
  assert.equal(requests.length, 1);
});

test("what is no problem document is refused all the same", async () => {
  replies = [{ status: 403, body: ["no problem"] }];
  const error = await give().catch((refused) => refused);
  assert.ok(error instanceof ProblemError);
  assert.equal(error.problem.code, "http-403");
});

test("a request that could happen twice is not repeated", async () => {
  replies = [LOST];
  await assert.rejects(ovation.post("/v1/rooms/{room}/thanks", { params: { path: { room: "r" } }, body: { gift: "g" } }), TypeError);
  assert.equal(requests.length, 1);
});

test("calls at once ask for one token, and for one more when it is not accepted", async () => {
  replies = [SENT];
  await Promise.all([give(), give(), give()]);
  assert.equal(tokens, 1);
  replies = [NOT_VALID, NOT_VALID, NOT_VALID, SENT];
  await Promise.all([give(), give(), give()]);
  assert.equal(tokens, 2);
});

test("a token that is not accepted is replaced once", async () => {
  replies = [NOT_VALID, SENT];
  await give();
  assert.deepEqual(sent("authorization"), ["Bearer token-1", "Bearer token-2"]);
  await give();
  assert.equal(tokens, 2);
  replies = [NOT_VALID];
  const error = await give().catch((refused) => refused);
  assert.ok(isProblem(error, "unauthenticated"));
  assert.equal(tokens, 3);
});

test("an attempt after the deadline is not made", async () => {
  replies = [{ status: 429, body: { type: "too-often", title: "No." }, headers: { "Retry-After": "3600" } }];
  await assert.rejects(give(), ProblemError);
  assert.equal(requests.length, 1);
});

test("a call that is given up ends at once", async () => {
  replies = [{ ...BUSY, headers: { "Retry-After": "15" } }];
  const giving = new AbortController();
  const call = give({ signal: giving.signal });
  setTimeout(() => giving.abort(), 50);
  await assert.rejects(call, { name: "AbortError" });
});

test("every page is read when it is needed", async () => {
  replies = [{ body: { items: [1], next_cursor: "c1" } }, { body: { items: [2], next_cursor: null } }];
  const found = [];
  for await (const item of each((cursor) => ovation.get("/v1/gifts", { params: { query: { cursor } } }))) found.push(item);
  assert.deepEqual(found, [1, 2]);
  assert.deepEqual(requests.map(({ url }) => url), ["/v1/gifts", "/v1/gifts?cursor=c1"]);
});

test("the feed goes on where it was after whatever broke it", async () => {
  replies = [
    { body: { last_event_id: "4" } },
    { text: `${entry(5)}event: gift\nid: 6\ndata: {"num`, lost: true },
    BUSY,
    NOT_VALID,
    { text: "retry: 10\n\n", headers: { "Retry-After": "0" } },
    { text: `${entry(6)}event: token_expired\ndata: {"reason": "expired"}\n\n` },
    { text: entry(9, "reset") + entry(10) },
  ];
  const heard = [];
  for await (const each of follow(ovation, "r")) {
    heard.push(each);
    if (heard.length === 4) break;
  }
  assert.deepEqual(heard.map(({ data }) => data.number), [5, 6, 9, 10]);
  assert.equal(heard[2].kind, "reset");
  assert.deepEqual(sent("last-event-id").slice(1), ["4", "5", "5", "5", "5", "6"]);
  assert.equal(tokens, 3);
});

test("a feed that nobody may follow ends, and one that is given up", async () => {
  replies = [{ status: 422, body: { type: "no-such-kind", title: "No.", kinds: ["gift"] } }];
  const error = await follow(ovation, "r", { after: "1", only: "gifts" }).next().catch((refused) => refused);
  assert.ok(isProblem(error, "no-such-kind"));
  assert.deepEqual(error.problem.kinds, ["gift"]);

  replies = [{ text: entry(2) }];
  const giving = new AbortController();
  const feed = follow(ovation, "r", { after: "1", signal: giving.signal });
  await feed.next();
  giving.abort();
  await assert.rejects(feed.next(), { name: "AbortError" });
});

const SECRET = "whsec_bmV3IHNlY3JldA==";
const FORMER = "whsec_Zm9ybWVyIHNlY3JldA==";
const BODY = JSON.stringify({ id: "1", type: "dev.ovation.gift.sent.v1", sequence: "2", data: { coins: 5, name: "é" } });

function signed(secrets, { age = 0, body = BODY } = {}) {
  const at = String(Math.floor(Date.now() / 1000) - age);
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice("whsec_".length), "base64");
    return `v1,${createHmac("sha256", key).update(`1.${at}.${body}`).digest("base64")}`;
  });
  return new Headers({ "webhook-id": "1", "webhook-timestamp": at, "webhook-signature": signatures.join(" ") });
}

test("a webhook is read, also while its secret is replaced", async () => {
  assert.equal((await verify(BODY, signed([SECRET]), SECRET)).data.name, "é");
  assert.equal((await verify(new TextEncoder().encode(BODY), signed([SECRET, FORMER]), FORMER)).id, "1");
  assert.equal((await verify(BODY, signed([FORMER]), [SECRET, FORMER])).sequence, "2");
});

test("what was not signed with the secret is refused", async () => {
  const headers = signed([SECRET]);
  const withSignature = (signature) => new Headers({ ...Object.fromEntries(headers), "webhook-signature": signature });
  const attempts = [
    [BODY, signed([FORMER])],
    [BODY, signed([SECRET], { age: 360 })],
    [BODY, signed([SECRET], { age: -360 })],
    [`${BODY} `, headers],
    [BODY, new Headers()],
    [BODY, withSignature("v1")],
    [BODY, withSignature("v1,")],
    [BODY, withSignature("v1,%%% v2,x")],
  ];
  for (const [body, given] of attempts) await assert.rejects(verify(body, given, SECRET), NotVerified);
  await assert.rejects(verify(BODY, headers, "whsec_"), TypeError);
});
