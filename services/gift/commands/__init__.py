"""What the gift service does: takes gifts in, settles them, asks again, and lets callers wait."""
