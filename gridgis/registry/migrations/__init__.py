"""Migrations of the store, by Alembic; each is written for both databases."""
