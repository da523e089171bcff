"""Every clause of RFC 9113 and RFC 7541 that a server must enforce, one function each.

A function takes a connected `Peer`, its docstring is the rule, and its id starts with the section.
"""

from . import connection, flow, frames, general, headers, messages, streams  # noqa: F401
from .table import CLAUSES

__all__ = ["CLAUSES"]
