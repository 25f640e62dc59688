"""What the webhooks service does, each in its caller's transaction."""
