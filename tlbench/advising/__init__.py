"""`tlbench advise`: adapt or not, from a labelled source and an unlabelled target."""
