"""What Alembic runs for each upgrade; the connection and its transaction are the caller's."""

from alembic import context

from core.reviews.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
context.run_migrations()
