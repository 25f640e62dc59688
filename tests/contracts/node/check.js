// Prints what the official parser says of a document: node check.js asyncapi.json
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
console.log(
  JSON.stringify({
    channels: document?.channels().all().map((channel) => channel.address()) ?? [],
    diagnostics: diagnostics.map(({ severity, code, message, path }) => ({
      severity,
      code,
      message,
      path: path.join("/"),
    })),
  }),
);
