"""Lets the tests of every pack import what stands beside this file."""
