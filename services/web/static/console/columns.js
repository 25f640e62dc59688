// Columns of tables: their titles, and which of them hold numbers.
import { t } from "../language.js";

/** @typedef {import("../language.js").Key} Key */

/** @param {Key[]} keys */
export const texts = (...keys) => keys.map((key) => ({ title: t(key) }));
/** @param {Key[]} keys */
export const numbers = (...keys) => keys.map((key) => ({ title: t(key), number: true }));
/** A column whose cells speak for themselves. */
export const untitled = { title: "" };
