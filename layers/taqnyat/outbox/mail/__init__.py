"""The mail: its value, what makes it valid, its states."""
