"""The commands of the service: `quarterturn serve` and its parts."""
