"""Edits of a division as pure functions: a draft comes in, a draft goes out, and the coverage cannot break."""
