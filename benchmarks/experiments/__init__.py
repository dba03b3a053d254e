"""How good it is: criteria and decisions against labels, strategies, warm starts, encoders."""
