"""One file per command. `chatctl/cli/app.py` lists them in the order of the help."""
