"""The hot path: sessions, fan-out, shared segments, rendering to bytes."""
