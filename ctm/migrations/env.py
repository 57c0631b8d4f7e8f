"""Alembic's environment: the application's engine and models, batch mode for SQLite.

On SQLite all migrations run in one transaction, so that one which is interrupted leaves the
old tables; foreign keys rest meanwhile, because batch mode drops and renames tables, and are
checked before the end.
"""

from alembic import context
from flask import current_app
from sqlalchemy import Connection

from ctm.models import Base, search_index


def _is_models(name: str | None, kind: str, _parents: object) -> bool:
    """Whether the models should know this; the indexes of parts of words are made beside them."""
    beside = {"table": search_index.TABLES, "index": search_index.NAMES}
    return name not in beside.get(kind, ())


def migrate(connection: Connection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        include_name=_is_models,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        if sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        context.run_migrations()
        if sqlite:
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(3)
            if broken:
                raise RuntimeError(f"a migration broke references: {broken}")


def run() -> None:
    engine = context.config.attributes.get("engine")
    if engine is None:
        engine = current_app.extensions["migrate"].db.engine
    with engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            migrate(connection)
            return
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.commit()
        try:
            migrate(connection)
        finally:
            connection.rollback()
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")


run()
