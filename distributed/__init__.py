"""Everything that runs on Ray lives in this package; `core` never imports it.

The file must exist: dask ships a package of the same name, which would win silently without it.
"""
