// Services inform each other by messages, so some answers come a moment later.
const ATTEMPTS = 300;
const PAUSE_MILLISECONDS = 200;

/** Send the request of a script until `wanted` accepts its answer; then Bruno sends it once more. */
async function sendUntil(wanted, { bru, req }) {
  const text = JSON.stringify({
    url: req.getUrl(),
    method: req.getMethod(),
    headers: req.getHeaders(),
    data: req.getBody(),
    // Refusals are answers too.
    validateStatus: null,
  });
  const request = JSON.parse(bru.interpolate(text));
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (wanted(await bru.sendRequest(request))) {
      return;
    }
    await bru.sleep(PAUSE_MILLISECONDS);
  }
  throw new Error(`${request.method} ${request.url}: not the expected answer after ${ATTEMPTS} attempts`);
}

module.exports = { sendUntil };
