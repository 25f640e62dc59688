// The bottom sheet of small screens: opened by a button, closed by a swipe, by Escape, or by a tap outside.
const CLOSES_AFTER_PX = 56;
const OPEN = "giving";

/**
 * Make `sheet` one that `opener` opens. On large screens it is always there, and the styles know of no sheet.
 * @param {HTMLElement} sheet
 * @param {{opener: HTMLElement, grip: HTMLElement, opened: () => void, isOurs: (target: EventTarget | null) => boolean, signal: AbortSignal}} parts
 */
export function build(sheet, { opener, grip, opened, isOurs, signal }) {
  const { classList } = document.body;
  const isOpen = () => classList.contains(OPEN);

  function open() {
    classList.add(OPEN);
    opener.setAttribute("aria-expanded", "true");
    opened();
  }

  function close() {
    if (!isOpen()) return;
    const held = sheet.contains(document.activeElement);
    classList.remove(OPEN);
    opener.setAttribute("aria-expanded", "false");
    if (held) opener.focus();
  }

  opener.setAttribute("aria-expanded", "false");
  opener.addEventListener("click", open);
  grip.addEventListener("click", close);
  swipeDown(sheet, grip, close);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && !document.querySelector("dialog[open]")) close(); }, { signal });
  document.addEventListener("pointerdown", ({ target }) => { if (isOpen() && !isOurs(target)) close(); }, { signal });
  signal.addEventListener("abort", close);
  return { close };
}

/** Follow a finger that pulls the sheet down by its grip, and let go of it far enough down. */
function swipeDown(sheet, grip, close) {
  let from = null;
  const way = (event) => Math.max(0, event.clientY - from);
  grip.addEventListener("pointerdown", (event) => {
    from = event.clientY;
    grip.setPointerCapture(event.pointerId);
  });
  grip.addEventListener("pointermove", (event) => { if (from !== null) sheet.style.transform = `translateY(${way(event)}px)`; });
  for (const name of ["pointerup", "pointercancel"]) {
    grip.addEventListener(name, (event) => {
      if (from === null) return;
      const far = way(event);
      from = null;
      sheet.style.transform = "";
      if (name === "pointerup" && far > CLOSES_AFTER_PX) close();
    });
  }
}
