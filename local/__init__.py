"""The local stack: the real template on an embedded AWS emulator, and a simulator of Taqnyat.

Never deployed. Start it with `make run` or `python -m local`.
"""
