"""What the webhooks service decides: pure rules about endpoints, deliveries and attempts."""
