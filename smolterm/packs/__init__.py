"""Tool packs: installed modules of tools, each run in a process of its own.

A pack is found by the entry point group `smolterm.packs` and described by the `pack.toml` in its
folder; the engine reads that and never imports the pack.
"""
