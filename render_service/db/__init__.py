"""Postgres, the truth: schema, migrations, and one repository per aggregate."""
