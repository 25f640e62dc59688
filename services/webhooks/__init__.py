"""
The webhooks service: events for teams that have no broker, posted to their addresses.

Owns:      teams' grants, endpoints and their secrets, deliveries and their attempts
Consumes:  what teams were granted, from every owner; gift.user_erased
Publishes: webhooks.data_erased
"""
