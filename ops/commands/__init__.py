"""The commands: each module adds one command, or a group of them."""
