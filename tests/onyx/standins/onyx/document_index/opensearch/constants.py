"""Constants of the engine Onyx had."""

DEFAULT_MAX_CHUNK_SIZE = 512
