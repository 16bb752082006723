"""The operators' command line, `./taqnyat-mail`. Never deployed.

Logic is in this package's modules, apart from the terminal; `ops.commands` is what is typed.
"""
