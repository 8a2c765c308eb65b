"""Packs in WebAssembly: no file, socket, environment or process, only the host's one function."""
