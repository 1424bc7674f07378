"""`tlbench dashboard`: a store in the browser, live. A module a view; what is computed comes from `tlbench.findings`."""
