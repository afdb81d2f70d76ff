"""Trust graphs in files: delimited text, GraphML and GEXF, read right or refused.

::

    text       bytes → lines → rows of fields: encoding, comments, separator
    columns    which column is what: by a header's names, else by position
    numbers    weights as they are written, with a decimal point or comma
    times      epochs, or points in time and the epochs they fall into
    names      one node, one spelling
    table      rows → edges, with notes on what was decided
    networks   GraphML and GEXF → the same
"""

from reputation.files.reading import read_edges
from reputation.files.table import EdgeFile
from reputation.files.times import Period, parse_period

__all__ = ["EdgeFile", "Period", "parse_period", "read_edges"]
