"""The reading of a committed run is fenced as its commit is; a dead letter is filed once. Runs before the deploy: older code leaves the columns alone.

Revision ID: 0002
Revises: 0001
"""

from alembic import op
import sqlalchemy as sa

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run", sa.Column("ai_fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("dead_letter", sa.Column("message_id", sa.Text(), nullable=True))
    op.create_index("uq_dead_letter_message", "dead_letter", ["queue", "message_id"], unique=True)


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup to go back")
