"""One file an operation: what it is, and what it does on each backend.

`registry.py` has all of them. To add one, see CONTRIBUTING.md.
"""
