"""The mail: its value, its validation, its states."""
