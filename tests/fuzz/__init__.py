"""Fuzzing: the API by its OpenAPI description in the suite, parsers with atheris by hand."""
