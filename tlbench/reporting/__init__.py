"""Tables, figures and pages from a store."""
