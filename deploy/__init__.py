"""How Ovation is run: images, gateway, broker, databases, and the same without Docker."""
