"""
The sandbox: a payment provider to practise with, as strict as a real one.

Owns:      pretend payments, refunds, disputes and transfers, in memory only
Takes:     its HTTP API, and cards on its pay page
Publishes: signed webhooks (https://www.standardwebhooks.com)
"""
