"""A store in an object store: a mirror of it in a folder, which all reading is done from, and what keeps the two alike."""
