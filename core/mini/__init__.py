"""The embedded default: rendered sample events, and the small models trained on them."""
