// The application that frames this page: it says who is signed in, and hears what happens here.
//
// Only origins of WEB_HOST_ORIGINS are asked, believed and told. `embed.js` is the other side of it.
import { t } from "./language.js";

const ANSWERS_SECONDS_MAX = 5;
const ORIGINS = (document.querySelector("meta[name=ovation-host-origins]")?.getAttribute("content") ?? "").split(" ").filter(Boolean);
const asked = new URLSearchParams(location.search);

/** Whether an application that may do so could be around this page. */
export const isFramed = ORIGINS.length > 0 && window.parent !== window;
/** Whether the page is the gift panel alone. */
const isGiftsAlone = asked.get("only") === "gifts";
/** Whether the application's own player is below the stage, and shows through. */
export const isUnderlaid = isFramed && asked.get("player") === "host";

// The origin of the application, once it has spoken.
let host = null;
let answer = null;
let adopt = (_token) => {};

if (isFramed) {
  window.addEventListener("message", ({ source, origin, data }) => {
    if (source !== window.parent || !ORIGINS.includes(origin) || data?.type !== "ovation:token") return;
    host = origin;
    if (answer) answer(data.token);
    else adopt(data.token);
  });
}

/** Call `listener` with each token that the application sends without being asked; null is nobody. */
export function onToken(listener) {
  adopt = listener;
}

/** Ask the application for a token. */
export function requestToken() {
  return new Promise((resolve, reject) => {
    const patience = setTimeout(() => { answer = null; reject(new Error(t("session.no-token"))); }, ANSWERS_SECONDS_MAX * 1000);
    answer = (token) => { clearTimeout(patience); answer = null; resolve(token); };
    for (const origin of ORIGINS) window.parent.postMessage("ovation:token-wanted", origin);
  });
}

/** Tell the application what happened: it has to have spoken before. */
export function tell(type, facts = {}) {
  if (host) window.parent.postMessage({ type: `ovation:${type}`, ...facts }, host);
}

/** In a part of somebody's page another page of ours has no room: the application opens it. */
function openElsewhere(event) {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!host || !(link instanceof HTMLAnchorElement) || link.origin !== location.origin || link.download || link.target) return;
  if (link.pathname === location.pathname) return;
  event.preventDefault();
  tell("open", { path: `${link.pathname}${link.search}${link.hash}`, title: link.textContent, close: t("step.close") });
}

/** Tell the application how high the page is, whenever that changes. */
function tellHeight() {
  const main = document.querySelector("main");
  if (main) new ResizeObserver(() => tell("size", { height: Math.ceil(main.getBoundingClientRect().height) })).observe(main);
}

/** Make the room what its address asks for: whole, the gifts alone, or with a stage that shows what is below. */
export function arrange() {
  document.documentElement.classList.toggle("underlaid", isUnderlaid);
  document.documentElement.classList.toggle("only-gifts", isGiftsAlone);
  if (isGiftsAlone) tellHeight();
  if (isFramed && (isGiftsAlone || asked.has("embedded"))) document.addEventListener("click", openElsewhere);
}
