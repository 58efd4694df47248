"""The command line: one file per command group; the one place where an error becomes words and an exit code."""
