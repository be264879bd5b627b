"""Files that somebody uploaded, read in a process of their own that can reach nothing else."""

from gridgis.uploads.limits import Limits
from gridgis.uploads.read import (
    Picture,
    Rows,
    read_layer_names_upload,
    read_picture_upload,
    read_rows_upload,
    read_table_upload,
    read_upload,
)

__all__ = [
    "Limits",
    "Picture",
    "Rows",
    "read_layer_names_upload",
    "read_picture_upload",
    "read_rows_upload",
    "read_table_upload",
    "read_upload",
]
