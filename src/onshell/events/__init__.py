"""Event tables on disk and the embeddings that turn truth into training sets."""
