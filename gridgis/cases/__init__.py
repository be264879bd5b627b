"""Files of cases, read and written chunk by chunk in constant memory."""

from gridgis.cases.columns import OUT_COLUMNS
from gridgis.cases.duplicates import duplicates
from gridgis.cases.file import CaseFile, open_cases
from gridgis.cases.writer import result_writer

__all__ = ["OUT_COLUMNS", "CaseFile", "duplicates", "open_cases", "result_writer"]
