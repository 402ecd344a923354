"""One file for each topic of the rendered world."""
