"""The two routes for SQL, as the OpenAPI document has them."""

from __future__ import annotations

from typing import Any, Final

from facets_svc.analyst.cookbook import cookbook
from facets_svc.analyst.parameters import TYPES
from facets_svc.sandbox.spool import MEDIA_TYPES
from facets_svc.settings import Settings
from facets_svc.web.sql_body import MAX_BYTES

Json = dict[str, Any]

_SCALARS: Final[Json] = {"type": ["string", "number", "boolean", "null"]}
_VALUE: Final[Json] = {"anyOf": [_SCALARS, {"type": "array", "items": _SCALARS}]}

SQL_HEADERS: Final = {
    "X-Sql-Rows": ("How many rows the answer has", {"type": "integer", "minimum": 0}),
    "X-Sql-Truncated": (
        "Whether there were more rows than `FACETS_SQL_ROWS` and `FACETS_SQL_BYTES` let through",
        {"type": "string", "enum": ["true", "false"]},
    ),
}

ERRORS: Final = (400, 401, 403, 404, 422, 426, 429, 500, 502, 504)
"""Statuses of the contract's that SQL may be answered with."""

OTHERS: Final = (405, 408, 413, 415)

_EXAMPLES: Final = {
    "query": {
        "summary": "A statement with a parameter",
        "value": {
            "query": "SELECT license, count(*) AS models FROM models WHERE framework = $framework "
            "GROUP BY license ORDER BY models DESC, license",
            "parameters": {"framework": "pytorch"},
        },
    },
    "name": {
        "summary": "One of the cookbook's",
        "value": {"name": "licence-compliance", "parameters": {"allowed": ["apache-2.0", "mit"]}},
    },
}


def schemas() -> Json:
    """Return the schemas of both routes' bodies."""
    return {
        "SqlRequest": {
            "type": "object",
            "description": "A statement, or the name of one of the cookbook's: one of the two.",
            "properties": {
                "query": {
                    "type": "string",
                    "description": "One SELECT in DuckDB's SQL, over the tables of docs/data-dictionary.md",
                },
                "name": {"type": "string", "enum": [query.name for query in cookbook()]},
                "parameters": {
                    "type": "object",
                    "description": "A value for each `$name` in the statement; the cookbook's have defaults",
                    "additionalProperties": _VALUE,
                },
            },
            "additionalProperties": False,
            "oneOf": [{"required": ["query"]}, {"required": ["name"]}],
        },
        "SqlAnswer": {
            "type": "object",
            "required": ["columns", "rows", "truncated"],
            "properties": {
                "columns": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name", "type"],
                        "properties": {
                            "name": {"type": "string"},
                            "type": {"type": "string", "description": "DuckDB's name of it", "examples": ["VARCHAR[]"]},
                        },
                    },
                },
                "rows": {
                    "type": "array",
                    "description": "A row is an array in the order of the columns. Times are ISO 8601, bytes base64; "
                    "NaN and infinities are null",
                    "items": {"type": "array"},
                },
                "truncated": {"type": "boolean", "description": "Whether there were more rows"},
            },
            "examples": [
                {
                    "columns": [{"name": "license", "type": "VARCHAR"}, {"name": "models", "type": "BIGINT"}],
                    "rows": [["apache-2.0", 12], ["mit", 7]],
                    "truncated": False,
                }
            ],
        },
        "SqlQueries": {
            "type": "object",
            "required": ["queries"],
            "properties": {
                "queries": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name", "question", "reading", "parameters", "query"],
                        "properties": {
                            "name": {"type": "string"},
                            "question": {"type": "string", "description": "What it answers"},
                            "reading": {"type": "string", "description": "How to read the answer"},
                            "parameters": {
                                "type": "array",
                                "items": {
                                    "type": "object",
                                    "required": ["name", "type", "meaning", "required", "default"],
                                    "properties": {
                                        "name": {"type": "string"},
                                        "type": {"type": "string", "enum": list(TYPES)},
                                        "meaning": {"type": "string"},
                                        "required": {"type": "boolean"},
                                        "default": _VALUE | {"description": "What it is when it is not given"},
                                    },
                                },
                            },
                            "query": {"type": "string", "description": "The statement"},
                        },
                    },
                }
            },
        },
    }


def ask(settings: Settings, org: Json, ok_headers: Json) -> Json:
    """Return the operation that answers SQL, without its errors."""
    schema = {"$ref": "#/components/schemas/SqlRequest"}
    text = {"schema": {"type": "string"}}
    binary = {"schema": {"type": "string", "format": "binary"}}
    content = {media_type: binary if form in {"arrow", "parquet"} else text for form, media_type in MEDIA_TYPES.items()}
    content["application/json"] = {"schema": {"$ref": "#/components/schemas/SqlAnswer"}}
    return {
        "operationId": "ask_sql",
        "summary": "Ask the catalogue in SQL",
        "description": "Run one SELECT over the models that the org's members see and all public ones. "
        f"At most {settings.sql_rows} rows, {settings.sql_bytes} bytes and {settings.sql_deadline_ms} ms; the body is "
        f"at most {MAX_BYTES} bytes. For operators, unless `FACETS_SQL_ENABLED` is set.",
        "security": [{"bearer": []}],
        "parameters": [org],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "examples": _EXAMPLES}},
        },
        "responses": {
            "200": {
                "description": "The answer, in the form that `Accept` prefers; JSON by default",
                "headers": ok_headers,
                "content": content,
            }
        },
    }


def queries(org: Json, ok_headers: Json) -> Json:
    """Return the operation that lists the cookbook, without its errors."""
    schema = {"$ref": "#/components/schemas/SqlQueries"}
    return {
        "operationId": "list_sql_queries",
        "summary": "List the cookbook: queries that can be asked by name",
        "security": [{"bearer": []}],
        "parameters": [org],
        "responses": {
            "200": {
                "description": "Every query, by name",
                "headers": ok_headers,
                "content": {"application/json": {"schema": schema}},
            }
        },
    }
