"""What is wrong with an installation, in sentences."""

from core.diagnosis.checks import Finding, diagnose

__all__ = ["Finding", "diagnose"]
