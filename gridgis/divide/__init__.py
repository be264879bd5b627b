"""Dividing: zones, streets, atoms, graph, partition, micro-grids; frames in, frames out."""
