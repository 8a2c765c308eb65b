"""The screen in a browser on this machine: `smolterm serve`.

A page holds a terminal (textual-serve's, of xterm.js), and each page has a process of its own that
draws on it (`inside`). In between stands a server of ours, which lets nobody in without a token.
"""
