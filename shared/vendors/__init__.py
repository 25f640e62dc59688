"""What services share of one vendor: its client, its signatures, its amounts."""
