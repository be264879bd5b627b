"""Run the migrations on the connection that :func:`gridgis.registry.schema.migrate` hands over."""

from alembic import context

from gridgis.registry.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
context.run_migrations()
