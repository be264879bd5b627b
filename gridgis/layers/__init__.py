"""Files and frames at the door: inputs of a division read and checked, divisions written and read."""

from gridgis.layers.columns import LAYERS, base_class
from gridgis.layers.division import read_division, write_division
from gridgis.layers.inputs import Inputs, prepare, read_inputs, read_layer, read_zones
from gridgis.layers.place_names import read_place_names
from gridgis.layers.shift import suspected_shift
from gridgis.layers.source import list_layers, parse_crs, parse_map, split_source
from gridgis.layers.target import refuse_target

__all__ = [
    "LAYERS",
    "Inputs",
    "base_class",
    "list_layers",
    "parse_crs",
    "parse_map",
    "prepare",
    "read_division",
    "read_inputs",
    "read_layer",
    "read_place_names",
    "read_zones",
    "refuse_target",
    "split_source",
    "suspected_shift",
    "write_division",
]
