"""What the runs of a store say, as tables; pages, figures and words around them are made elsewhere."""
