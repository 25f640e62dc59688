// Marks under which ways to pay are known, in each language alike; a way without a mark is a message.
export const MARKS = {
  alipay: "Alipay", apple_pay: "Apple Pay", bancontact: "Bancontact", blik: "BLIK", boleto: "Boleto", eps: "EPS", google_pay: "Google Pay",
  ideal: "iDEAL", klarna: "Klarna", konbini: "Konbini", link: "Link", mb_way: "MB WAY", p24: "Przelewy24", paypal: "PayPal", pix: "Pix", stripe: "Stripe", swish: "Swish", twint: "TWINT", upi: "UPI", wechat_pay: "WeChat Pay",
};
