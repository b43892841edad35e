"""Fixtures for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Hypothesis fails an example that takes 200 ms, and data that is made slowly: a busy machine does both.
settings.register_profile("any-speed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-speed")
