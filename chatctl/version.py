"""The version, alone on the lowest floor so that anything may name it and nothing is loaded by asking."""

__version__ = "0.1.0"
