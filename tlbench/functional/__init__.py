"""Mathematics that two or more methods share: pure functions of arrays."""
