"""The one public door: nginx, its configuration written by one generator for every place."""
