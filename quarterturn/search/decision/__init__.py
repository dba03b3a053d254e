"""The criterion `auto`: from all label-free criteria to an expected gain over the incumbent."""
