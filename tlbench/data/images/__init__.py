"""Images in files: found, decoded once into a memory-mapped cache, cropped and augmented in batches."""
