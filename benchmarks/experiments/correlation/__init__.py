"""bench-correlation: do the label-free criteria rank policies as labels do?"""
