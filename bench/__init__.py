"""How fast smolterm is, beside its peers: `python -m bench`."""
