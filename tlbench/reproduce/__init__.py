"""Published tables: run under their own protocol, claimed beside got."""
