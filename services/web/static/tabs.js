// Tabs: arrow keys move between them, and only one of them is a tab stop.
import { el } from "./dom.js";

export function tabs(label, panes) {
  const buttons = panes.map((pane, index) => el("button", {
    role: "tab", id: `tab-${pane.id}`, "aria-controls": `pane-${pane.id}`, class: "tab", onclick: () => choose(index),
  }, pane.title));
  const bodies = panes.map((pane) => el("div", {
    role: "tabpanel", id: `pane-${pane.id}`, "aria-labelledby": `tab-${pane.id}`, tabindex: "0", class: "pane",
  }, pane.content));
  const list = el("div", { role: "tablist", "aria-label": label, class: "tabs" }, buttons);
  list.addEventListener("keydown", (event) => {
    const now = buttons.indexOf(document.activeElement);
    const ahead = document.dir === "rtl" ? -1 : 1;
    const next = { ArrowRight: now + ahead, ArrowLeft: now - ahead, Home: 0, End: buttons.length - 1 }[event.key];
    if (now < 0 || next === undefined) return;
    event.preventDefault();
    choose((next + buttons.length) % buttons.length);
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    buttons[(next + buttons.length) % buttons.length].focus();
  });

  function choose(chosen) {
    buttons.forEach((button, index) => {
      button.setAttribute("aria-selected", String(index === chosen));
      button.tabIndex = index === chosen ? 0 : -1;
      bodies[index].hidden = index !== chosen;
    });
    panes[chosen].opened?.();
  }

  choose(0);
  return el("div", { class: "tabbed" }, list, bodies);
}
