"""Documents that people keep: as a page to read or print, and as PDF."""
