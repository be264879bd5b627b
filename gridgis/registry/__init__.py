"""The registry: versions of divisions, their review, codes for life, and events that nobody alters unseen."""
