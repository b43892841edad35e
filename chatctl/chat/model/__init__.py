"""The replicated state: users, rooms, accounts, bans and their limits."""
