"""Decides whether a statement may run, by DuckDB's own parse tree.

It allows one SELECT over our tables, common table expressions, and the results of listed functions. Every node of the
tree must be of a listed kind: unknown kinds are refused. The tree comes from `json_serialize_sql`, in the formats of
DuckDB 1.5 and 2.0.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb
import msgspec

from facets_svc.analyst.definitions import MACROS, RELATIONS
from facets_svc.analyst.statements import Piece, split
from facets_svc.duck import place, query_error
from facets_svc.errors import QueryError
from facets_svc.sandbox import functions
from facets_svc.sandbox.functions import folded

Node = dict[str, Any]
"""A node of the parse tree: an object of JSON."""

_QUERIES: Final = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE"}
_RELATIONS: Final = {"BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY"}
_MODIFIERS: Final = {"ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER"}
_ORDERS: Final = {"ORDER_DEFAULT", "ASCENDING", "DESCENDING"}
_TYPES: Final = {
    "LIST_TYPE_INFO",
    "ARRAY_TYPE_INFO",
    "STRUCT_TYPE_INFO",
    "DECIMAL_TYPE_INFO",
    "ENUM_TYPE_INFO",
    "STRING_TYPE_INFO",
    "UNBOUND_TYPE_INFO",
    "GENERIC_TYPE_INFO",
    "INTEGER_LITERAL_TYPE_INFO",
}
_NODES: Final = _QUERIES | _RELATIONS | _MODIFIERS | _ORDERS | _TYPES

_EXPRESSIONS: Final = {
    "BETWEEN",
    "CASE",
    "CAST",
    "COLLATE",
    "COLUMN_REF",
    "COMPARISON",
    "CONJUNCTION",
    "CONSTANT",
    "FUNCTION",
    "LAMBDA",
    "OPERATOR",
    "PARAMETER",
    "POSITIONAL_REFERENCE",
    "STAR",
    "SUBQUERY",
    "TYPE",
    "WINDOW",
}
_RESERVED: Final = ("duckdb_", "pragma_", "sqlite_", "pg_", "information_schema")
"""The prefixes of the names of DuckDB's own tables, which common table expressions may not have."""

_OWN: Final = ("", "main")
"""The allowed schemas of functions: the parser of 1.5 adds `main` to functions with a syntax of their own."""

_COLLATIONS: Final = {"nocase", "noaccent", "nfc", "binary", "c", "posix"}

_WORDS: Final = {
    "SHOW_REF": "Only DESCRIBE of one table and SHOW TABLES are allowed",
    "PIVOT": "PIVOT and UNPIVOT are not allowed here",
    "COPY_QUERY_NODE": "COPY is not allowed here",
}
"""The messages for nodes that users know by another name."""

_NOWHERE: Final = 2**63
_SERIALIZE: Final = "SELECT json_serialize_sql(?)"


@dataclass(frozen=True, slots=True)
class Judged:
    """A statement that may run: its text and position, the names of its parameters, and the tables that it reads.

    `reads` has the names of our tables and macros.
    """

    piece: Piece
    parameters: frozenset[str]
    reads: frozenset[str]


class Refused(Exception):
    """A node of the tree is not allowed; `position` is its byte offset in the statement, if known."""

    def __init__(self, message: str, position: int | None = None) -> None:
        """Keep the position."""
        super().__init__(message)
        self.position = position


def judge(connection: duckdb.DuckDBPyConnection, text: str) -> Judged:
    """Return the only statement of `text`, if it may run; `connection` only parses it.

    Raises `QueryError` if it may not run, is invalid, or is not the only one.
    """
    piece = _one(text)
    try:
        statements = connection.extract_statements(piece.text)
        if len(statements) != 1:
            raise QueryError("Only one statement is allowed.")
        if statements[0].type != duckdb.StatementType.SELECT:
            raise _refusal("Only SELECT is allowed here.", 0, text, piece)
        parameters = frozenset(statements[0].named_parameters)
        [[tree]] = connection.execute(_SERIALIZE, [piece.text]).fetchall()
    except (duckdb.Error, RuntimeError, ValueError) as error:
        raise query_error(error, text, first=piece.first) from None
    try:
        reads = tables_read(msgspec.json.decode(tree))
    except Refused as refused:
        raise _refusal(f"{refused}.", refused.position, text, piece) from None
    except RecursionError:
        raise QueryError("The statement is nested too deeply.") from None
    except (KeyError, TypeError, AttributeError):
        raise QueryError("Statements of this kind are not allowed here.") from None
    return Judged(piece, parameters, reads)


def _one(text: str) -> Piece:
    if "\0" in text:
        raise QueryError("The statement contains NUL.")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise QueryError("The statement contains a lone surrogate.")
    pieces = split(text)
    if not pieces:
        raise QueryError("The statement is empty.")
    if len(pieces) > 1:
        line, column = place(text, pieces[1].first)
        raise QueryError(
            f"Only one statement is allowed; a second one begins in line {line}.", line=line, column=column
        )
    return pieces[0]


def _refusal(message: str, position: int | None, text: str, piece: Piece) -> QueryError:
    if position is None or position >= _NOWHERE:
        return QueryError(message)
    before = piece.text.encode("utf-8", errors="replace")[:position].decode("utf-8", errors="ignore")
    line, column = place(text, piece.first + len(before))
    return QueryError(f"In line {line}, column {column}: {message}", line=line, column=column)


def tables_read(tree: Any) -> frozenset[str]:
    """Return the names of our tables and macros that the tree of one statement reads.

    Raises `Refused` if the statement may not run.
    """
    statements: list[Any] = tree.get("statements", []) if isinstance(tree, dict) and not tree.get("error") else []
    if len(statements) != 1:
        raise Refused("Only SELECT, without PIVOT, is allowed here", 0)
    walk = _Walk()
    walk.push(statements[0], frozenset())
    while walk.stack:
        node, known = walk.stack.pop()
        walk.visit(node, known)
    return frozenset(walk.reads)


@dataclass(slots=True)
class _Walk:
    """A walk over one tree: the stack of nodes to visit, and the names of the tables in the visited ones.

    The stack has, with each node, the names of the common table expressions in scope.
    """

    reads: set[str] = field(default_factory=set)
    stack: list[tuple[Node, frozenset[str]]] = field(default_factory=list)

    def push(self, value: Any, known: frozenset[str]) -> None:
        """Push `value` on the stack if it is a node, or its items if it is a list."""
        if isinstance(value, dict):
            self.stack.append((value, known))
        elif isinstance(value, list):
            for item in reversed(value):
                self.push(item, known)

    def visit(self, node: Node, known: frozenset[str]) -> None:
        """Check one node, and push its children. Raises `Refused`."""
        match node:
            case {"class": "CONSTANT"}:
                return
            case {"type": "TABLE_FUNCTION", "function": function}:
                self.reads |= _table_of_function(function, _position(node))
                self.push(list(function.values()), known)
                return
            case {"type": "BASE_TABLE"}:
                self.reads |= _table_of_name(node["table_name"], node, known)
            case _:
                _check(node)
        if "cte_map" in node:
            known = self._push_expressions(node["cte_map"]["map"], known)
        for key, value in reversed(node.items()):
            if key == "right" and node.get("type") == "RECURSIVE_CTE_NODE":
                # Only this side reads the result of the other; on the left, the name means another table.
                self.push(value, known | {folded(node["cte_name"])})
            elif key != "cte_map":
                self.push(value, known)

    def _push_expressions(self, entries: list[Node], known: frozenset[str]) -> frozenset[str]:
        """Push the common table expressions of a query, and return the names in scope after them.

        Each can read those before it. Its own name is in scope only on the right side of a recursive one.
        """
        for entry in entries:
            name = folded(entry["key"])
            if name.startswith(_RESERVED) or not all(letter.isalnum() or letter in "_ -" for letter in name):
                raise Refused(f"{_shown(name)} cannot name an expression of WITH here")
            self.push(entry["value"], known)
            known |= {name}
        return known


def _check(node: Node) -> None:
    """Check one node that is not a table, without its children. Raises `Refused`."""
    match node:
        case {"class": kind}:
            _check_expression(kind, node)
        case {"type": str(kind)} if kind not in _NODES:
            raise Refused(_WORDS.get(kind, f"This is not allowed here ({kind})"), _position(node))
        case {"catalog": catalog, "schema": schema} if catalog or schema:
            raise Refused("Qualified names are not allowed here", _position(node))


def _check_expression(kind: str, node: Node) -> None:
    """Check one expression, without its children. Raises `Refused`."""
    if kind not in _EXPRESSIONS:
        raise Refused(f"This is not allowed here ({kind})", _position(node))
    if kind in {"FUNCTION", "WINDOW"}:
        name = node["function_name"]
        _check_unqualified(node, name, _OWN)
        if node.get("export_state"):
            raise Refused("EXPORT_STATE is not allowed here", _position(node))
        if not functions.may_call(name):
            raise Refused(f"The function {_shown(name)} is not allowed here", _position(node))
    elif kind == "TYPE":
        _check_unqualified(node, node["type_name"])
    elif kind == "COLLATE" and not set(folded(node["collation"]).split(".")) <= _COLLATIONS:
        raise Refused(f"The collation {_shown(node['collation'])} is not allowed here", _position(node))


def _table_of_function(function: Node, position: int | None) -> set[str]:
    if function["class"] != "FUNCTION":
        raise Refused("This is not a function", position)
    name = function["function_name"]
    _check_unqualified(function, name, _OWN)
    if folded(name) in MACROS:
        return {folded(name)}
    if functions.may_read(name):
        return set()
    raise Refused(f"The table function {_shown(name)} is not allowed here", position)


def _table_of_name(name: str, node: Node, known: Collection[str]) -> set[str]:
    if node.get("at_clause") is not None:
        raise Refused("AT is not allowed here; use models_at('2026-11-01')", _position(node))
    if node.get("catalog_name") or node.get("schema_name"):
        raise Refused("Qualified names are not allowed here", _position(node))
    _check_unqualified(node, name)
    if folded(name) in known:
        return set()
    if folded(name) in RELATIONS:
        return {folded(name)}
    raise Refused(f"{_shown(name)} is not a table. The tables are {', '.join(RELATIONS)}", _position(node))


def _check_unqualified(node: Node, name: str, schemas: Collection[str] = ("",)) -> None:
    path: list[str] = node.get("qualified_name", {"path": [name]})["path"]
    if node.get("catalog") or node.get("schema", "") not in schemas or path[-1:] != [name] or len(path) > len(schemas):
        raise Refused("Qualified names are not allowed here", _position(node))


def _position(node: Node) -> int | None:
    position = node.get("query_location")
    return position if isinstance(position, int) else None


def _shown(name: str) -> str:
    return repr(name[:60])
