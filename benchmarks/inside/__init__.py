"""What runs in Lambda's Python beside the built functions, and prints what it measured as JSON."""
