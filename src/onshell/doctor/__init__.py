"""What a run needs, checked before it is queued."""
