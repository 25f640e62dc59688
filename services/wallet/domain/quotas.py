"""How often a viewer may change what they allow themselves: each wish is kept for ever."""

from shared.quotas.rules import DAY, Quota

# Apart: a viewer who raised limits all day can still lower them.
LIMIT_RAISES = Quota("limit-raises", 20, DAY)
LIMIT_REDUCTIONS = Quota("limit-reductions", 100, DAY)
EXCLUSIONS = Quota("exclusions", 20, DAY)
