"""Blind reviews: links, votes and what they say. Knows nothing of how a page shows them."""
