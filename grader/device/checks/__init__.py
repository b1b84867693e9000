"""Checks that watch a running kernel. Each is a file of its own and can be switched off."""
