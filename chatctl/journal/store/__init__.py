"""The SQLite file: schema, rows, writing, reading, the data folder."""
