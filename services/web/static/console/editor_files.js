// The picture and the animation of a gift: uploaded by choosing a file, looked at before they are saved.
import { upload } from "../api.js";
import { el, show } from "../dom.js";
import { film, plays } from "../films.js";
import { picture } from "../gifts.js";
import { t } from "../language.js";
import { sentence } from "../shell.js";
import { number } from "../words.js";

const FILES = "/v1/operator/gifts/files";
const UPLOADED = "/v1/catalogue/files/";
const PICTURES = "image/svg+xml,image/png,image/webp,image/avif,image/gif,.svg,.png,.apng,.webp,.avif,.gif";
const FILMS = `.json,.webm,.mp4,application/json,video/webm,video/mp4,${PICTURES}`;
const SECONDS_MAX = 60;
const USUAL_SECONDS = 3;

/** Return the fields, what they say of the gift, and what stops all that plays in them. */
export function fileFields(gift) {
  let icon = gift.icon_url;
  let animations = gift.animations;
  let playing = null;
  const still = el("div", { class: "file-now" });
  const moving = el("div", { class: "stack" });
  const stage = el("div", { class: "file-stage", hidden: true });
  const outcome = el("div", { role: "status" });
  const seconds = el("input", { name: "seconds", type: "number", min: 1, max: SECONDS_MAX, value: secondsOf(animations[0]) });
  seconds.addEventListener("change", () => { animations = animations.map((each, index) => (index ? each : { ...each, duration_ms: duration() })); drawMoving(); });

  const duration = () => Math.round(Math.min(SECONDS_MAX, Math.max(1, Number(seconds.value) || USUAL_SECONDS)) * 1000);

  function drawStill() {
    show(still, picture(gift.gift_type, 56, { url: icon }), el("span", { class: "grow small" }, nameOfPicture(icon, gift)),
      isOurs(icon, gift) ? null : el("button", { type: "button", class: "quiet", onclick: () => { icon = null; drawStill(); } }, t("editor.remove")));
  }

  function drawMoving() {
    const uploaded = animations.filter(({ url }) => !isOurs(url, gift));
    show(moving, uploaded.length ? uploaded.map((each) => el("div", { class: "file-now" },
      el("span", { class: "grow small" }, t("editor.film", { format: each.format, seconds: number(each.duration_ms / 1000) })),
      plays(each.format) ? el("button", { type: "button", onclick: () => play(each) }, t("editor.play")) : null,
      el("button", { type: "button", class: "quiet", onclick: () => { animations = animations.filter((other) => other !== each); stop(); drawMoving(); } }, t("editor.remove")))) : el("p", { class: "small muted" }, t("editor.no-film")));
  }

  async function play(animation) {
    stop();
    try {
      const found = await film(animation);
      // Another one may have come meanwhile, or the dialog may be closed.
      if (playing || !stage.isConnected) return found.stop();
      playing = found;
      show(stage, found.element);
      stage.hidden = false;
      found.start();
    } catch {
      show(outcome, el("p", { class: "fault", role: "alert" }, t("editor.unplayable")));
    }
  }

  function stop() {
    playing?.stop();
    playing = null;
    stage.hidden = true;
    show(stage);
  }

  /** Upload what was chosen; the field is empty again then, so that the same file can be chosen once more. */
  async function bring(field, use) {
    const [file] = field.files;
    if (!file) return;
    show(outcome, el("p", { class: "small" }, t("editor.uploading")));
    field.disabled = true;
    try {
      use(await upload(FILES, file));
      show(outcome);
    } catch (error) {
      show(outcome, el("p", { class: "fault", role: "alert" }, refusalOf(error)));
    } finally {
      field.disabled = false;
      field.value = "";
    }
  }

  const chosenPicture = el("input", { name: "picture", type: "file", accept: PICTURES, onchange: () => bring(chosenPicture, ({ url }) => { icon = url; drawStill(); }) });
  const chosenFilm = el("input", { name: "animation", type: "file", accept: FILMS, onchange: () => bring(chosenFilm, (file) => {
    if (file.duration_ms) seconds.value = String(Math.min(SECONDS_MAX, Math.max(1, Math.round(file.duration_ms / 1000))));
    const added = { format: file.format, url: file.url, duration_ms: duration() };
    // The best comes first: what was there is for apps that cannot play it.
    animations = [added, ...animations.filter(({ format, url }) => format !== file.format || isOurs(url, gift))];
    drawMoving();
    play(added);
  }) });
  drawStill();
  drawMoving();
  return {
    element: el("fieldset", { class: "stack files" }, el("legend", {}, t("editor.files")),
      still, el("label", { class: "field" }, t("editor.picture"), chosenPicture, el("span", { class: "small muted" }, t("editor.picture-hint"))),
      moving, stage, el("div", { class: "fields" }, el("label", { class: "field" }, t("editor.animation"), chosenFilm, el("span", { class: "small muted" }, t("editor.animation-hint"))), el("label", { class: "field" }, t("editor.seconds"), seconds)), outcome),
    values: () => ({ icon_url: icon, animations }),
    stop,
  };
}

const secondsOf = (animation) => String(Math.max(1, Math.round((animation?.duration_ms ?? USUAL_SECONDS * 1000) / 1000)));

/** Gifts of a new installation name the drawings that come with it. */
const isOurs = (url, gift) => !url || url === `/static/gifts/${gift.gift_type}.svg`;

function nameOfPicture(url, gift) {
  if (isOurs(url, gift)) return t("editor.our-picture");
  return url.startsWith(UPLOADED) ? t("editor.own-picture") : t("editor.other-picture", { address: url });
}

/** What was refused, with the part of the file that is to blame. */
function refusalOf(error) {
  const { what, name } = error.facts ?? {};
  return what ? t("editor.file-refused", { problem: sentence(error), what: [what, name].filter(Boolean).join(" ") }) : sentence(error);
}
