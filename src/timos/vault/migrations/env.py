"""Alembic's entry for the vault's history: runs on the connection it is handed, inside that transaction."""

from alembic import context

from timos.vault.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
