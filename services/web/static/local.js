// What a browser keeps for the people who use it. A framed page may keep nothing: then it lasts as long as the page.
const instead = new Map();
const PREFIX = "ovation.";

/** Read what is kept under a name, or `fallback` if there is nothing that can be read. */
export function recall(name, fallback) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name) ?? "null") ?? instead.get(name) ?? fallback;
  } catch {
    return instead.get(name) ?? fallback;
  }
}

export function keep(name, value) {
  instead.set(name, value);
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Full, or not allowed: this page still knows.
  }
}
