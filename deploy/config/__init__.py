"""What an installation is made of: services, databases, secrets, environment."""
