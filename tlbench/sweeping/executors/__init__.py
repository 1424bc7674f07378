"""What runs the batches of a sweep: this process, workers of this machine, SLURM, Ray. One interface, see `interface`."""
