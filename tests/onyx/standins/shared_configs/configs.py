"""Settings shared by Onyx's processes."""

MULTI_TENANT = False
