// Events that Ovation posts to you, verified as https://www.standardwebhooks.com says.

const TOLERANCE_SECONDS = 300;
const PREFIX = "whsec_";
const VERSION = "v1,";

/**
 * A CloudEvent of Ovation.
 *
 * The same `id` is the same fact: remember the ids. `type` is `dev.ovation.<name>.v<version>`,
 * `sequence` grows with the facts of a `subject`.
 */
export interface WebhookEvent {
  id: string;
  type: string;
  subject: string;
  sequence: string;
  time: string;
  data: Record<string, unknown>;
}

/** This was not signed with your secret, was changed, or is more than five minutes old. */
export class NotVerified extends Error {
  override readonly name = "NotVerified";
}

/**
 * The event of a webhook, from the body as it came: verify the bytes, not JSON written again.
 *
 * Each secret is `whsec_…`. Give the new and the former one while you replace it. Throws NotVerified.
 */
export async function verify(body: Uint8Array | string, headers: Headers, secrets: string | readonly string[]): Promise<WebhookEvent> {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const id = headers.get("webhook-id") ?? "";
  const at = headers.get("webhook-timestamp") ?? "";
  const signatures = (headers.get("webhook-signature") ?? "").split(" ").filter((each) => each.startsWith(VERSION));
  if (!/^\d{1,12}$/.test(at) || Math.abs(Date.now() / 1000 - Number(at)) > TOLERANCE_SECONDS) {
    throw new NotVerified("its time is not within five minutes of ours");
  }
  const signed = joined(new TextEncoder().encode(`${id}.${at}.`), bytes);
  for (const secret of typeof secrets === "string" ? [secrets] : secrets) {
    const key = await keyOf(secret);
    for (const signature of signatures) {
      // In constant time: it compares the digests itself.
      if (await crypto.subtle.verify("HMAC", key, decoded(signature.slice(VERSION.length)), signed)) {
        return JSON.parse(new TextDecoder().decode(bytes)) as WebhookEvent;
      }
    }
  }
  throw new NotVerified("it has no signature of this secret");
}

function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = decoded(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret);
  if (!bytes.length) throw new TypeError("The secret of a webhook is whsec_ and base64.");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

/** The bytes of base64; none for what is not base64, because strangers write signatures. */
function decoded(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}
