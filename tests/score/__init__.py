"""The probe and its criteria."""
