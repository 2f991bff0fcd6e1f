"""Columns and column types of the tables that SQLAlchemy does not have."""

import sqlalchemy as sa


class Xid8(sa.types.UserDefinedType[int]):
    """Postgres' 64-bit transaction id: rises with every transaction, never wraps."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name in SQL."""
        return "xid8"


def time_column(
    name: str, *, nullable: bool = True, default: bool | str = False, comment: str | None = None
) -> sa.Column[object]:
    """Return a column of moments in time.

    Args:
        name: Its name.
        nullable: Whether it may be empty.
        default: Whether it is the time of the insertion unless another one is given; or the SQL of its default.
        comment: What it is for.
    """
    return sa.Column(
        name,
        sa.TIMESTAMP(timezone=True),
        nullable=nullable,
        server_default=sa.text("now()" if default is True else default) if default else None,
        comment=comment,
    )
