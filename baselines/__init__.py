"""The methods, one a file. They import tlbench, never one another."""
