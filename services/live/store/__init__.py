"""Every statement the live service sends to PostgreSQL, by the objects of its tables."""
