"""Plain data that passes through the order: proposals, facts, deliveries, queries and tasks."""
