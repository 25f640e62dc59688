"""What coins cost: by package, currency, channel and country, and since when."""
