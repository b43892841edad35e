"""History that is answered from memory, and how stored facts are shown."""
