"""Database ports: a statement is written once in SQLAlchemy Core and run on the bare driver of each engine."""
