"""Who a caller is by their token: subject, country, age, the issuer's keys. Needs no HTTP."""
