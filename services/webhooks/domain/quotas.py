"""How much may be set up and sent again for a team in a time, by the team and by operators."""

from shared.quotas.rules import DAY, Quota

# A deleted endpoint stays for as long as its deliveries are kept.
ENDPOINTS = Quota("endpoints", 100, DAY)
ENDPOINT_CHANGES = Quota("endpoint-changes", 1_000, DAY)
SECRET_ROTATIONS = Quota("secret-rotations", 100, DAY)
PINGS = Quota("pings", 1_000, DAY)
REPLAYS = Quota("replays", 200, DAY)
