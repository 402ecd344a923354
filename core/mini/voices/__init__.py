"""How clubs talk: one file of sayings for each club."""
