// Small sounds of gifts, made here: no files. They are off until somebody wants them.
import { keep, recall } from "./local.js";

const NAME = "sound";
const LOUDNESS = 0.12;
const NEXT_NOTE_SECONDS = 0.09;
const FADE_SECONDS = 0.35;
// What a gift of a tier plays, in hertz: the louder it is, the more notes.
const NOTES = {
  spark: [880],
  glow: [784, 988],
  burst: [659, 784, 1047],
  spectacle: [523, 659, 784, 1047],
  legend: [392, 523, 659, 784, 1047, 1319],
};
const APART_MS = 120;
const LATE_MS = 500;

let context = null;
let last = 0;

export const wantsSound = () => recall(NAME, false) === true;

/** Switch sound on or off. Browsers play nothing before a person has touched the page: this is such a touch. */
export function setSound(wanted) {
  keep(NAME, wanted);
  if (wanted) play("glow");
}

/** Play what a gift of this tier sounds like, if sound is wanted. */
export function play(tier) {
  if (!wantsSound() || performance.now() - last < APART_MS) return;
  last = performance.now();
  context ??= new AudioContext();
  const wanted = last;
  // A browser may wait for a touch: what was to be heard long before stays unheard.
  context.resume().then(() => {
    if (performance.now() - wanted > LATE_MS) return;
    for (const [index, hertz] of (NOTES[tier] ?? NOTES.spark).entries()) note(hertz, context.currentTime + index * NEXT_NOTE_SECONDS);
  }).catch(() => {});
}

function note(hertz, at) {
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.type = "triangle";
  tone.frequency.value = hertz;
  volume.gain.setValueAtTime(LOUDNESS, at);
  volume.gain.exponentialRampToValueAtTime(0.001, at + FADE_SECONDS);
  tone.connect(volume).connect(context.destination);
  tone.start(at);
  tone.stop(at + FADE_SECONDS);
}
