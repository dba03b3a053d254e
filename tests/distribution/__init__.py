"""The wheels, as strangers install them."""
