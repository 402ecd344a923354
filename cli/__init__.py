"""The `montage` command: the only place that knows core, distributed and demo."""
