"""
The sandbox: a payment provider to practise with, as strict as a real one.

Owns:      pretend payments, refunds, disputes and transfers, in memory only
Hears:     its HTTP API, and cards on its pay page
Announces: signed webhooks (https://www.standardwebhooks.com)
"""
