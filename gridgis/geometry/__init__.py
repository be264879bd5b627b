"""Arrays of geometries in, arrays out: noding, faces, shared borders, checks of a coverage."""
