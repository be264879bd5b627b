"""Where cases pile up: density, counts and rates by grid, significance, trends, tables and comparisons.

The way of the data: resolved cases and the grids in force come in as frames; each file answers one question of them and
gives frames or a surface back. Nothing here knows a file of the operator's, a store or a request.

Cases, wherever a frame of them is asked for, have a row each, and of these columns those that a function names:
`grid_code` (text; missing where a case lies in no grid), `day` (datetime64, the local date at midnight without a
zone), `item` and `source` (text; missing where not told), `x` and `y` (metres in a plane that the function is told),
`weight` (1 where there is no such column).
"""
