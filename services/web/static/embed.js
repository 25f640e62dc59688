// <ovation-room room="…"> and <ovation-gifts room="…"> for pages of host applications: a room, or its gifts alone.
//
//   <script type="module" src="…/embed.js"></script>
//   <ovation-gifts room="room-1"></ovation-gifts>
//
// `token` is a token, or a function that returns one or a promise of one; null is nobody. Events bubble:
// `ovation-gift`, `ovation-refused`, `ovation-ended`, and `ovation-open`, which can be cancelled.
const HOME = new URL(import.meta.url).origin;
// What our pages need in a frame of another origin.
const ALLOW = "autoplay; encrypted-media; fullscreen; picture-in-picture";
const TOLD = ["gift", "refused", "ended"];
const LOWEST_PX = 160;

/** Set styles by hand: the host's policy may forbid style sheets in texts. */
function made(tag, styles, properties = {}) {
  const element = Object.assign(document.createElement(tag), properties);
  Object.assign(element.style, styles);
  return element;
}

/** A frame of ours that is told who is signed in, and whose messages are heard. */
class Frame {
  /**
   * @param {HTMLIFrameElement} element
   * @param {{token: () => unknown, receive: (data: any) => void}} parts
   */
  constructor(element, { token, receive }) {
    this.element = element;
    this.token = token;
    this.receive = receive;
    // Before it asked, nothing in the frame listens.
    this.hasAsked = false;
    this.signings = 0;
    this.listener = (event) => this.hear(event);
    window.addEventListener("message", this.listener);
  }

  hear({ source, origin, data }) {
    if (origin !== HOME || !source || source !== this.element.contentWindow) return;
    if (data === "ovation:token-wanted") this.sign();
    else if (typeof data?.type === "string") this.receive(data);
  }

  /** Say who is signed in. A token that comes after a newer one was asked for is of another person. */
  async sign() {
    this.hasAsked = true;
    this.signings += 1;
    const signing = this.signings;
    const token = await this.token();
    if (signing !== this.signings) return;
    this.element.contentWindow?.postMessage({ type: "ovation:token", token: token ?? null }, HOME);
  }

  end() {
    // What is still on its way is for nobody.
    this.signings += 1;
    window.removeEventListener("message", this.listener);
  }
}

class Embedded extends HTMLElement {
  static observedAttributes = ["room", "language"];

  constructor() {
    super();
    this.given = null;
    this.frame = null;
    // The pages of ours that are open over the page of the host.
    /** @type {Set<Frame>} */
    this.opened = new Set();
    // Where a name has not been defined yet, a page may have set the property already.
    if (Object.hasOwn(this, "token")) {
      const { token } = this;
      delete this.token;
      this.token = token;
    }
    this.box = made("div", { position: "relative", width: "100%", height: "100%" });
    this.attachShadow({ mode: "open" }).append(this.box);
  }

  get token() {
    return this.given;
  }

  /** Another token is another person, or a newer one: the frame hears of it at once. */
  set token(value) {
    this.given = value;
    for (const frame of [this.frame, ...this.opened]) if (frame?.hasAsked) frame.sign();
  }

  connectedCallback() {
    if (getComputedStyle(this).display === "inline") this.style.display = "block";
    this.load();
  }

  disconnectedCallback() {
    this.frame?.end();
    this.frame = null;
    this.box.replaceChildren();
    for (const dialog of this.shadowRoot?.querySelectorAll("dialog") ?? []) dialog.close();
  }

  attributeChangedCallback(_name, before, after) {
    if (this.isConnected && this.frame && before !== after) this.load();
  }

  /**
   * What the address of the frame asks for, beside the room.
   * @returns {Record<string, string>}
   */
  get query() {
    return { embedded: "" };
  }

  load() {
    this.frame?.end();
    this.frame = null;
    const room = this.getAttribute("room");
    this.box.replaceChildren();
    if (!room) return;
    const query = new URLSearchParams(this.query);
    const language = this.getAttribute("language");
    if (language) query.set("language", language);
    const element = made("iframe", { display: "block", width: "100%", height: "100%", border: "0", background: "transparent", colorScheme: "light dark" },
      { title: this.title || room, allow: ALLOW, src: `${HOME}/rooms/${encodeURIComponent(room)}?${query}` });
    this.frame = new Frame(element, { token: () => this.current(), receive: (data) => this.receive(data) });
    this.place(element);
  }

  place(element) {
    this.box.append(element);
  }

  current() {
    return typeof this.given === "function" ? this.given() : this.given;
  }

  receive({ type, ...facts }) {
    const name = type.replace(/^ovation:/, "");
    if (TOLD.includes(name)) this.announce(name, facts.gift ?? facts);
    if (name === "open" && this.announce("open", facts)) this.openPage(facts);
  }

  /** Return whether nobody took the event over. */
  announce(name, detail) {
    return this.dispatchEvent(new CustomEvent(`ovation-${name}`, { detail, bubbles: true, composed: true, cancelable: name === "open" }));
  }

  /** A page of ours, such as the wallet, over the page of the host; its words come from ours, in its language. */
  openPage(/** @type {Record<string, unknown>} */ { path, title, close: word }) {
    const address = new URL(String(path), HOME);
    if (address.origin !== HOME) return;
    const dialog = made("dialog", { width: "min(60rem, calc(100vw - 2rem))", height: "calc(100vh - 2rem)", padding: "0", border: "0", borderRadius: "1rem", overflow: "hidden" });
    const close = made("button", { position: "absolute", insetBlockStart: ".5rem", insetInlineEnd: ".5rem", width: "2.75rem", height: "2.75rem", border: "0", borderRadius: "50%", font: "1.5rem/1 system-ui", cursor: "pointer" }, { type: "button", textContent: "×" });
    close.setAttribute("aria-label", String(word));
    const element = made("iframe", { display: "block", width: "100%", height: "100%", border: "0" }, { title: String(title), src: address.href });
    const frame = new Frame(element, { token: () => this.current(), receive: () => {} });
    close.addEventListener("click", () => dialog.close());
    this.opened.add(frame);
    dialog.addEventListener("close", () => { frame.end(); this.opened.delete(frame); dialog.remove(); });
    dialog.append(element, close);
    this.shadowRoot?.append(dialog);
    dialog.showModal();
  }
}

/** A whole room. What stands in its slot `player`, the host's player, is below the stage and shows through. */
class OvationRoom extends Embedded {
  constructor() {
    super();
    this.box.style.minHeight = "30rem";
    this.below = made("div", { position: "absolute", overflow: "hidden" });
    const slot = made("slot", {}, { name: "player" });
    slot.addEventListener("slotchange", () => { if (this.frame && this.hasPlayer !== this.wasPlayer) this.load(); });
    this.below.append(slot);
  }

  get hasPlayer() {
    return this.querySelector(":scope > [slot=player]") !== null;
  }

  get query() {
    return this.hasPlayer ? { embedded: "", player: "host" } : super.query;
  }

  place(element) {
    this.wasPlayer = this.hasPlayer;
    Object.assign(element.style, { position: "absolute", inset: "0" });
    this.box.append(this.below, element);
  }

  receive(data) {
    if (data.type !== "ovation:player") return super.receive(data);
    const px = (value) => `${Number(value) || 0}px`;
    Object.assign(this.below.style, { left: px(data.left), top: px(data.top), width: px(data.width), height: px(data.height) });
    return undefined;
  }
}

/** The gift panel alone, as high as it has to be. */
class OvationGifts extends Embedded {
  get query() {
    return { only: "gifts" };
  }

  place(element) {
    this.box.style.height = "auto";
    element.style.height = `${LOWEST_PX}px`;
    super.place(element);
  }

  receive(data) {
    if (data.type !== "ovation:size") return super.receive(data);
    const { frame } = this;
    if (frame) frame.element.style.height = `${Math.max(LOWEST_PX, Math.ceil(Number(data.height)) || 0)}px`;
    return undefined;
  }
}

customElements.define("ovation-room", OvationRoom);
customElements.define("ovation-gifts", OvationGifts);
