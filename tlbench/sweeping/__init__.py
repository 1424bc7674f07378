"""From one command to many runs: expand, add references, skip what is done, hand the rest to a Hydra launcher."""
