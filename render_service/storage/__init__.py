"""The object store: assets, segments, clips and videos as bytes under keys, in a local folder or in S3."""
