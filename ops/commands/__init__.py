"""What is typed: each module adds one command, or a group of them."""
