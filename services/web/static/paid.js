// Back from the provider's page: tell the page that waits, which asks what came of it.
import { $, el, icon, show } from "./dom.js";

new BroadcastChannel("ovation.paid").postMessage("back");
show($("main"), el("section", { class: "card narrow" },
  el("span", { class: "badge" }, icon("check")),
  el("h1", {}, "Thank you"),
  el("p", { class: "muted" }, "Your coins arrive as soon as the payment is confirmed. You can close this tab and go on where you were."),
  el("a", { class: "button primary", href: "/" }, "Back to the room")));
