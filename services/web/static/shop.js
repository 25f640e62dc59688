// What is for sale, in the currency of one's country or else in one that is sold.
import { get, path } from "./api.js";

const PREFERRED = "USD";

/** The offers and their currency: not every country's currency is sold in every installation. */
export async function offersIn(wanted, { covering = null } = {}) {
  const address = path`/v1/packages?currency=${wanted}`;
  try {
    const { items } = await get(covering === null ? address : `${address}&covering=${covering}`);
    return { currency: wanted, items };
  } catch (error) {
    const sold = error.type === "currency-not-offered" ? error.facts.currencies ?? [] : null;
    if (sold === null || sold.includes(wanted)) throw error;
    if (!sold.length) return { currency: wanted, items: [] };
    return offersIn(sold.includes(PREFERRED) ? PREFERRED : sold[0], { covering });
  }
}
