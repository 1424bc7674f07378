"""The run store and the tables made from it."""
