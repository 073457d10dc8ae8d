"""Metrics and logs. Importable by every layer but the domain; imports none."""
