"""Text analysis: tokeniser, BM25 weights, phrases, highlights and typos; pure, without I/O."""
