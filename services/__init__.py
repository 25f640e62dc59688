"""The services: each owns its database, hears facts and announces facts; none imports another."""
