"""Teaching a model the club's voice: records, cleaning, splits, imports."""
