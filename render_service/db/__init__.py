"""Postgres, the source of truth: schema, migrations, and one repository per aggregate."""
