"""The slash commands of both screens."""
