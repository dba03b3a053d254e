"""The science and the domain of Quarterturn; imports neither `api` nor `workers`."""
