"""Measures of how good a result is."""
