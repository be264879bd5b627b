"""Shipped profiles: TOML files with numbers of policy."""
