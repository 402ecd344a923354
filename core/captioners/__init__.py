"""Captioners: each writes the text of a post."""
