"""Registration with a server: capabilities, SASL, accounts."""
