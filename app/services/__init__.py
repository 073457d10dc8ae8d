"""What the service does, in the words of its users."""
