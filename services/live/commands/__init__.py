"""What the live service does: counts gifts in their rooms, and shows them as they come."""
