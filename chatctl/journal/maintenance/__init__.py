"""Chores beside the writing: retention, redactions, compaction, integrity checks."""
