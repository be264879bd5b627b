"""One function a job: take frames or files, call pure functions, give frames or write files.

The command line has a command of the same name for each. What takes files reads once at the start
and writes once at the end; nothing half-written is left.
"""

from gridgis.jobs.division import (
    Align,
    Checked,
    Language,
    Progress,
    check,
    check_file,
    divide,
    divide_files,
    draw_map,
    import_osm,
    notices,
    plot,
    summary,
)
from gridgis.jobs.registry import (
    add_actor,
    approve,
    draft,
    draft_file,
    explain_code,
    give_back,
    in_force,
    init,
    submit,
    upgrade,
    verify,
    version,
    versions,
    withdraw,
)

__all__ = [
    "Align",
    "Checked",
    "Language",
    "Progress",
    "add_actor",
    "approve",
    "check",
    "check_file",
    "divide",
    "divide_files",
    "draft",
    "draft_file",
    "draw_map",
    "explain_code",
    "give_back",
    "import_osm",
    "in_force",
    "init",
    "notices",
    "plot",
    "submit",
    "summary",
    "upgrade",
    "verify",
    "version",
    "versions",
    "withdraw",
]
