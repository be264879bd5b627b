"""Triggers that keep rows from being changed or deleted."""

from alembic import op

BODY = " BEGIN RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME; END "
"""Of the function that the triggers of PostgreSQL run."""


def make_guard() -> None:
    """Make the function that the triggers of PostgreSQL run."""
    op.execute(f"CREATE FUNCTION never_changed() RETURNS trigger LANGUAGE plpgsql AS $${BODY}$$")


def keep(*tables: str) -> None:
    """Let rows of tables only be added."""
    for table in tables:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION never_changed()"
            )
            continue
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"
            )


def keep_but(table: str, *, changing: tuple[str, ...], columns: tuple[str, ...]) -> None:
    """Let rows of a table be added, and only some of its columns be changed."""
    kept = ", ".join(f'"{name}"' for name in columns if name not in changing)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER never_changed BEFORE UPDATE OF {kept} OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION never_changed()"
        )
        return
    for verb, what in (("update", f"UPDATE OF {kept}"), ("delete", "DELETE")):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb} BEFORE {what} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"
        )
