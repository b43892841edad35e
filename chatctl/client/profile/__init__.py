"""What is remembered of servers between two runs."""
