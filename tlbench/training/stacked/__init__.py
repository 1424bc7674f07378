"""Many small runs trained as one program: their parameters are stacked, and a step is worked out for all of them at once."""
