"""The operators' command line, `./taqnyat-mail`. Never deployed.

The logic is in this package's modules, without the terminal; `ops.commands` has the commands.
"""
