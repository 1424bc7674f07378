"""`tlbench store`: looks after a store, and hands it on to other programs."""
