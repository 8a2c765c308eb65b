"""Recipes: how packages that neither an index nor Pyodide serves are compiled for the sandbox.

A recipe is a `meta.yaml` of pyodide-build, which alone reads, judges and builds it, under a Python
of its own.
"""
