// The operators' console: what needs somebody, what waits, and everything about one person.
import { panel } from "./console/access.js";
import { asked } from "./console/addresses.js";
import { audit } from "./console/audit.js";
import { books } from "./console/books.js";
import { disputes } from "./console/disputes.js";
import { catalogueEditor } from "./console/editor.js";
import { operations } from "./console/operations.js";
import { personPage } from "./console/person.js";
import { problems } from "./console/problems.js";
import { unresolvedRefunds } from "./console/refunds.js";
import { reviews } from "./console/reviews.js";
import { savedAddresses } from "./console/saved.js";
import { found, searchField } from "./console/search.js";
import { $, el, show } from "./dom.js";
import { card, start } from "./shell.js";

start(async () => {
  const { words, person } = asked();
  show($("main"), el("h1", { class: "page-title" }, "Operations"),
    el("div", { class: "console-top" }, searchField(), savedAddresses(() => person || words || document.title)),
    person ? personPage(person) : words ? el("div", { class: "stack" }, found(words)) : overview());
}, { role: "operator", title: "Operations" });

function overview() {
  return el("div", { class: "columns two" }, [
    card("What needs you now", problems, { className: "across", id: "problems" }),
    panel(["books:read"], "Health and books", books, { className: "across", id: "books" }),
    reviews(), unresolvedRefunds(),
    disputes({ className: "across" }),
    panel(["books:read"], "Work of the services", operations, { className: "across", id: "operations", live: true }),
    catalogueEditor({ className: "across" }),
    audit({ className: "across" }),
  ].filter(Boolean));
}
