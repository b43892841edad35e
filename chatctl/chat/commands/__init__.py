"""The commands clients send: one function each, found in one table.

The rules of this room:

1. A handler looks and decides what the command asks for; it changes nothing but its own session's negotiation.
2. It returns an answer made from the state (a list of replies, or slices of one that may be long), a proposal (anything
   that changes what others see), a job for a reader or a worker, or nothing (:mod:`chatctl.chat.commands.base`).
3. It formats no bytes: replies are numerics with parameters, or messages.
"""
