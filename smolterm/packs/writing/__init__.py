"""Writing tools: a file of functions, a new pack, its tests, and looking at it at each save."""
