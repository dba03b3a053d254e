"""Exports: each loaded in the real library and compared with the interpreter."""
