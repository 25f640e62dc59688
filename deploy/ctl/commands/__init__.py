"""What an operator can say, one file a subject: each reads the terminal and calls who does it."""
