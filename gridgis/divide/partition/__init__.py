"""The partition of one zone: its atoms, as a graph, divided into connected grids of least cost."""

from gridgis.divide.partition.objective import objective
from gridgis.divide.partition.problem import Problem, induced
from gridgis.divide.partition.solve import Solution, solve

__all__ = ["Problem", "Solution", "induced", "objective", "solve"]
