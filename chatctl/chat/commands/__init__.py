"""The commands clients send: one function each, found in one table.

The rules of this room:

1. A handler looks and decides what the command asks for; it changes nothing but its own session's negotiation.
2. It returns one of three things: an answer made from the state (a list of replies), a proposal (anything that changes
   what others see), or nothing.
3. It formats no bytes: replies are numerics with parameters, or messages.
"""
