"""The object store: assets, segments, videos and posters as bytes under keys, in a local folder or in S3."""
