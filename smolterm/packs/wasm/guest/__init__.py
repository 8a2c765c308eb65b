"""What runs inside an instance: Python of our own, baked into the image before any pack."""
