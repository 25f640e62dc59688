// Which pages this installation has. One that is switched off is linked from nowhere.
const OFF = (document.querySelector("meta[name=ovation-pages-off]")?.getAttribute("content") ?? "").split(" ");

/** Whether an address of ours leads to a page that is there. */
export function isOn(address) {
  const found = /^\/(?!\/)([\w-]*)/.exec(address);
  const name = found?.[1] ?? null;
  return name === null || !OFF.includes(name === "" || name === "rooms" ? "room" : name);
}
