"""Files that somebody uploaded, read in a process of their own that can reach nothing else."""

from gridgis.uploads.limits import Limits
from gridgis.uploads.read import read_table_upload, read_upload

__all__ = ["Limits", "read_table_upload", "read_upload"]
