"""Documents, filters, ranking and planning: pure."""
