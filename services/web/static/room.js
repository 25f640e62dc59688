// A room as its gifts arrive: totals once, then every gift as it is sent.
const $ = (id) => document.getElementById(id);
const SHOWN_MAX = 50;
let source;

const say = (text) => { $("status").textContent = text; };

async function demoToken() {
  const answer = await fetch("/issuer/token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ sub: `guest-${Math.random().toString(16).slice(2, 8)}` }),
  });
  if (!answer.ok) throw new Error("This system needs a token of its own.");
  return (await answer.json()).access_token;
}

async function showTotals(room, token) {
  const answer = await fetch(`/v1/rooms/${encodeURIComponent(room)}`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  if (!answer.ok) throw new Error((await answer.json()).title);
  const totals = await answer.json();
  $("coins").textContent = totals.coins.toLocaleString();
  $("gifts").textContent = totals.gifts.toLocaleString();
  $("gifters").replaceChildren(...totals.top_gifters.map((gifter) => {
    const item = document.createElement("li");
    item.textContent = `${gifter.viewer}: ${gifter.coins.toLocaleString()} coins`;
    return item;
  }));
}

function showGift(gift) {
  const item = document.createElement("li");
  item.className = gift.tier ?? "spark";
  const who = document.createElement("b");
  who.textContent = gift.viewer ?? "Somebody";
  const what = document.createElement("span");
  what.textContent = `${gift.name ?? gift.gift_type}${gift.count > 1 ? ` × ${gift.count}` : ""}`;
  const cost = document.createElement("span");
  cost.className = "coins";
  cost.textContent = gift.coins.toLocaleString();
  item.append(who, what, cost);
  $("feed").prepend(item);
  while ($("feed").children.length > SHOWN_MAX) $("feed").lastChild.remove();
}

$("enter").addEventListener("submit", async (event) => {
  event.preventDefault();
  source?.close();
  $("feed").replaceChildren();
  const form = new FormData(event.target);
  const room = form.get("room");
  try {
    const token = form.get("token") || await demoToken();
    await showTotals(room, token);
    const query = new URLSearchParams({ access_token: token, last: "20" });
    // Somebody may have entered twice while we asked; one stream is enough.
    source?.close();
    source = new EventSource(`/v1/rooms/${encodeURIComponent(room)}/events?${query}`);
    source.onopen = () => say(`You are in ${room}.`);
    source.onerror = ({ target }) => say(target.readyState === EventSource.CLOSED
      ? "You were shown out; enter again." : "The connection is gone; trying again.");
    let refresh;
    source.addEventListener("gift", (message) => {
      showGift(JSON.parse(message.data));
      // Many gifts, one look at the totals.
      refresh ??= setTimeout(() => { refresh = undefined; showTotals(room, token).catch(() => {}); }, 500);
    });
  } catch (error) {
    say(error.message);
  }
});
