// The operators' console: what needs somebody, what waits, and everything about one person.
import { panel } from "./console/access.js";
import { asked } from "./console/addresses.js";
import { audit } from "./console/audit.js";
import { bankFiles, payeesToReview } from "./console/bank.js";
import { books } from "./console/books.js";
import { charts } from "./console/charts.js";
import { deadLetters } from "./console/dead_letters.js";
import { disputes } from "./console/disputes.js";
import { catalogueEditor } from "./console/editor.js";
import { operations } from "./console/operations.js";
import { personPage } from "./console/person.js";
import { problems } from "./console/problems.js";
import { unresolvedRefunds } from "./console/refunds.js";
import { reviews } from "./console/reviews.js";
import { savedAddresses } from "./console/saved.js";
import { found, searchField } from "./console/search.js";
import { teamPage, teams } from "./console/teams.js";
import { $, el, show } from "./dom.js";
import { t } from "./language.js";
import { card, start } from "./shell.js";

start(async () => {
  const { words, person, team } = asked();
  show($("main"), el("h1", { class: "page-title" }, t("console.title")),
    el("div", { class: "console-top" }, searchField(), savedAddresses(() => person || words || team || document.title)), view());
}, { role: "operator", title: t("console.title") });

/** What the address asks for; without a wish, the overview. */
function view() {
  const { words, person, team } = asked();
  if (person) return personPage(person);
  if (team) return teamPage(team);
  return words ? el("div", { class: "stack" }, found(words)) : overview();
}

function overview() {
  return el("div", { class: "columns two" }, [
    card(t("console.problems"), problems, { className: "across", id: "problems" }),
    deadLetters({ className: "across" }),
    panel(["books:read"], t("console.charts"), charts, { className: "across", id: "charts", live: true }),
    panel(["books:read"], t("console.books"), books, { className: "across", id: "books" }),
    reviews(), unresolvedRefunds(),
    disputes({ className: "across" }),
    panel(["books:read"], t("console.work"), operations, { className: "across", id: "operations", live: true }),
    payeesToReview(), bankFiles(), teams(),
    catalogueEditor({ className: "across" }),
    audit({ className: "across" }),
  ].filter(Boolean));
}
