"""Figures as SVG: pure functions from data to a drawing, a table of the same, and words."""
