"""Geography of grid management: divide, code, check, resolve and map by grid."""
