"""Every statement of the webhooks service."""
