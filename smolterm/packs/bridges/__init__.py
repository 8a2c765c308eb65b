"""Bridges: MCP servers, OpenAPI documents and Agent Skills, each used as a tool pack.

What they say of themselves is somebody else's text. It is bounded, made visible and kept as a
person agreed to it, and compared with what they say when they are used.
"""
