"""The rules of the chat, pure: lines and orders in, bytes and facts out. No socket, no thread, no clock, no chance."""
