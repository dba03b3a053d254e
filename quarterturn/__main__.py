"""`python -m quarterturn` is `quarterturn`."""

from quarterturn.cli import main

main()
