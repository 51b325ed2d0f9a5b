"""Column types that every driver takes and gives as they are."""

from sqlalchemy import BigInteger, Integer, LargeBinary, MetaData
from sqlalchemy.dialects.mysql import BINARY, MEDIUMBLOB

Id = LargeBinary(16).with_variant(BINARY(16), "mysql")  # 16 bytes: ids, tokens, gates
Blob = LargeBinary().with_variant(MEDIUMBLOB(), "mysql")
Instant = BigInteger().with_variant(Integer(), "sqlite")  # milliseconds since 1970 UTC


def metadata() -> MetaData:
    """Constraint names by rule: Alembic can drop only what has a name."""
    return MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
