// Currencies and the decimals of their minor units, both ways: to write amounts and to read them.
// The same table as shared/money.py; a test keeps the two equal.
const CODES = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD "
    + "CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
    + "GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK "
    + "LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO "
    + "NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS "
    + "SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST "
    + "XAD XCD XCG YER ZAR ZMW ZWG",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};
const EXPONENTS = new Map(Object.entries(CODES).flatMap(([exponent, codes]) => codes.split(" ").map((code) => [code, Number(exponent)])));

/** How many decimals amounts in a currency have; none for `coins`, undefined for what is no currency. */
export const exponentOf = (unit) => (unit === "coins" ? 0 : EXPONENTS.get(unit));

/** Minor units as a plain number that a field takes: 305 of KWD is "0.305". */
export function decimalOf(minor, unit) {
  const exponent = exponentOf(unit) ?? 0;
  const digits = String(minor).padStart(exponent + 1, "0");
  return exponent ? `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}` : digits;
}

/** What was typed as minor units; null if it is no amount, or has more decimals than the currency. */
export function minorOf(text, unit) {
  const exponent = exponentOf(unit) ?? 0;
  const [, whole, decimals = ""] = /^(\d{1,12})(?:\.(\d*))?$/.exec(text.trim()) ?? [];
  if (whole === undefined || decimals.replace(/0+$/, "").length > exponent) return null;
  return Number(whole + decimals.slice(0, exponent).padEnd(exponent, "0"));
}
