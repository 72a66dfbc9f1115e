"""Les Houches files in and out: a physicist's events as event tables, and event tables as Les Houches files."""
