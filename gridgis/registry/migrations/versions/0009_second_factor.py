"""A second factor at sign-in: what makes its codes, and sessions that still wait for one."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns; nobody has a second factor yet, and no session waits."""
    op.add_column("account", sa.Column("totp", sa.LargeBinary()))
    op.add_column("account", sa.Column("totp_since", sa.Text()))
    op.add_column("account", sa.Column("totp_step", sa.Integer()))
    op.add_column("account", sa.Column("recovery", sa.Text()))
    op.add_column("session", sa.Column("half", sa.Integer()))
