"""The parts of a report that follow its main tables, a module a question: tables of `tlbench.findings` with words and figures."""
