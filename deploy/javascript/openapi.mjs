// Reads an OpenAPI document as its specification and Redocly's rules do, and prints what breaks them.
import { createRequire } from "node:module";

const { createConfig, lint } = createRequire(import.meta.url)("@redocly/openapi-core");

// Beside those that Redocly recommends, of which each warning is an error here.
const RULES = [
  "no-duplicated-tag-names", "no-invalid-parameter-examples", "no-invalid-schema-examples", "no-path-trailing-slash", "no-required-schema-properties-undefined",
  "no-schema-type-mismatch", "no-unused-components", "operation-2xx-response", "operation-4xx-response", "operation-description", "operation-operationId",
  "operation-operationId-unique", "operation-operationId-url-safe", "operation-singular-tag", "operation-tag-defined", "parameter-description",
  "paths-kebab-case", "tag-description",
];
// What a rule finds and we mean: a payout is a UUID, so no payout is called `payees` or `schedule`.
const MEANT = [["no-ambiguous-paths", /^#\/paths\/~1v1~1payouts~1/]];

const config = await createConfig({ extends: ["recommended-strict"], rules: Object.fromEntries(RULES.map((rule) => [rule, "error"])) });
const problems = await lint({ ref: process.argv[2], config });
const found = problems.filter(({ ruleId, location: [{ pointer }] }) => !MEANT.some(([rule, place]) => rule === ruleId && place.test(pointer)));
for (const { ruleId, message, location: [{ pointer }] } of found) console.log(`${pointer}: ${ruleId}: ${message}`);
process.exitCode = found.length ? 1 : 0;
