"""Tests of search spaces as data."""
