"""
The sandbox: a payment provider to practise with, as strict as a real one.

Owns:      pretend payments, refunds, disputes, transfers and accounts, in memory only
Takes:     its HTTP API, and cards and holders of accounts on its pages
Publishes: signed webhooks (https://www.standardwebhooks.com)
"""
