// The console's addresses. What is looked at is in the address, so that a link can be shared.

export const searchAddress = (words) => `/operator?q=${encodeURIComponent(words)}`;
export const personAddress = (user) => `/operator?person=${encodeURIComponent(user)}`;
export const teamAddress = (team) => `/operator?team=${encodeURIComponent(team)}`;

/** What the address asks for. */
export function asked() {
  const given = new URLSearchParams(location.search);
  const wish = (name) => given.get(name) ?? "";
  return { words: wish("q").trim(), person: wish("person"), team: wish("team"), disputes: wish("disputes"), service: wish("service") };
}

/** The same address with one filter changed. */
export function filtered(name, value) {
  const given = new URLSearchParams(location.search);
  if (value) given.set(name, value);
  else given.delete(name);
  return String(given) ? `/operator?${given}` : "/operator";
}
