"""Write posts where they are wanted: a folder with a ZIP and a table, and a plan of what would be posted."""
