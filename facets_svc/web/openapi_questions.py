"""The parameters and the answers of the routes that ask something, as the OpenAPI document has them."""

from __future__ import annotations

from typing import Any, Final

from facets_svc.catalogue import FACETS, MAX_VALUE_LENGTH
from facets_svc.settings import Settings
from facets_svc.web.params import (
    BY_PARAMETER,
    BY_RESPONSE_KEY,
    DEFAULT_SORT,
    FIELDS,
    MAX_OFFSET,
    MAX_SEARCH_LENGTH,
    MODELS_LIMIT,
    MODELS_LIMIT_MAX,
    MODES,
    RANGES,
    SORTS,
    VALUE_ORDERS,
    default_values_limit,
)

Json = dict[str, Any]

_PARAMETERS: Final = "|".join(BY_PARAMETER)


def _integer(description: str = "", **schema: Any) -> Json:
    return {"type": "integer", **({"description": description} if description else {}), **schema}


def _object(description: str, **properties: Json) -> Json:
    return {"type": "object", "description": description, "required": list(properties), "properties": properties}


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(items: Json, **schema: Any) -> Json:
    return {"type": "array", "items": items, **schema}


def _schema(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


_NUMBER: Final = _or_null({"type": "integer"})
_TEXT: Final = _or_null({"type": "string"})
_TIME: Final = _or_null({"type": "string", "format": "date-time"})
_COUNT: Final = _integer(minimum=0)
_MATCH: Final = {
    "type": "string",
    "enum": list(MODES),
    "description": "Whether a model passes that holds any of the selected values, or only one that holds all of them",
}
_VALUES: Final = _list(_schema("CountedValue"), description="In the facet's order")
_TOTAL_VALUES: Final = _integer("Distinct values with a count above 0, also those that are not listed", minimum=0)
_MISSING_COUNT: Final = _integer("Models without a value, counted by the rules of the facet's values", minimum=0)

QUESTION_SCHEMAS: Final[Json] = {
    "CountedValue": _object(
        "A value, and how many models one would see.",
        value={"type": "string", "examples": ["apache-2.0"]},
        count=_COUNT,
        selected={"type": "boolean"},
    ),
    "CountedFacet": _object(
        "The values of a facet with their counts, and what is not among them.",
        values=_VALUES,
        total_values=_TOTAL_VALUES,
        other_count=_integer("Sum of the counts of the values that are not listed", minimum=0),
        missing_count=_MISSING_COUNT,
        truncated={"type": "boolean", "description": "Whether values with a count above 0 are not listed"},
        match=_MATCH,
    ),
    "HistogramBin": _object(
        "Models whose number is at least `lower` and below `upper`; bounds are 1, 2 and 5 times powers of ten.",
        lower=_or_null(_integer(minimum=1)) | {"description": "Null for the one bin of all that is below 1"},
        upper=_integer(minimum=1),
        count=_integer(minimum=1),
    ),
    "NumberStatistics": _object(
        "How a number is spread over the models that pass every filter and have it.",
        count=_integer("Models that have the number", minimum=0),
        min=_NUMBER,
        max=_NUMBER,
        mean=_or_null({"type": "number"}),
        quartiles=_or_null(
            _list(
                {"type": "integer"},
                minItems=3,
                maxItems=3,
                description="Numbers that occur: the least ones that 25, 50 and 75 % of the models do not exceed",
            )
        ),
        histogram=_list(_schema("HistogramBin"), description="Bins that hold models, in ascending order"),
    ),
    "FacetValuesResponse": _object(
        "A page of one facet's values.",
        facet={"type": "string", "enum": list(BY_RESPONSE_KEY)},
        values=_list(_schema("CountedValue"), description="In the order that was asked for"),
        total_values=_integer("Distinct values with a count above 0 that contain `q`, over all pages", minimum=0),
        missing_count=_MISSING_COUNT,
        match=_MATCH,
        offset=_COUNT,
        limit=_integer(minimum=1),
    )
    | {
        "examples": [
            {
                "facet": "licenses",
                "values": [{"value": "apache-2.0", "count": 12, "selected": True}],
                "total_values": 5,
                "missing_count": 9,
                "match": "any",
                "offset": 0,
                "limit": 1,
            }
        ]
    },
}

MODEL_SCHEMAS: Final[Json] = {
    "Model": {
        "type": "object",
        "description": "A model's record: with `fields`, only these of its columns.",
        "properties": {
            **{name: {"type": "string"} for name in ("id", "org", "name")},
            "description": _TEXT,
            "tags": _list({"type": "string"}),
            "license": _TEXT,
            "task_categories": _list({"type": "string"}),
            "framework": _TEXT,
            "size_category": _TEXT,
            "is_public": {"type": "boolean"},
            "created_at": _TIME,
            "updated_at": _TIME,
            "parameters": _NUMBER,
            "size_bytes": _NUMBER,
            "downloads": _NUMBER,
        },
        "additionalProperties": False,
    },
    "ModelsResponse": _object(
        "A page of models.",
        models=_list(_schema("Model"), description="In the order that was asked for"),
        total=_integer("Models in scope: that of the facets of the same snapshot", minimum=0),
        filtered_total=_integer("Models that pass the search and all filters, over all pages", minimum=0),
        next_cursor=_or_null({"type": "string"}) | {"description": "Where the next page begins; null after the last"},
    ),
}

SNAPSHOT_SCHEMAS: Final[Json] = {
    "ListedSnapshot": _object(
        "A snapshot that may be asked for with `as_of`.",
        id={"type": "string", "examples": ["20261124T020000Z-3f9c"]},
        created_at={"type": "string", "format": "date-time"},
        models=_integer("Models of it in the scope: of an earlier one, those that the caller sees now, too", minimum=0),
        in_force={"type": "boolean", "description": "Whether requests without `as_of` are answered from it"},
    ),
    "SnapshotsResponse": _object(
        "The snapshots that may be asked.",
        snapshots=_list(_schema("ListedSnapshot"), description="Newest first; those that were withdrawn are left out"),
    ),
}

SNAPSHOTS_CSV: Final[Json] = {
    "schema": {"type": "string", "description": "A line a snapshot"},
    "example": "id,created_at,models,in_force\r\n20261124T020000Z-3f9c,2026-11-24T02:00:00Z,40,true\r\n",
}

MODELS_CSV: Final[Json] = {
    "schema": {
        "type": "string",
        "description": "A line a model; lists as JSON. An apostrophe stands before a text that begins with = + - @ ' "
        "or a tab. `X-Next-Cursor` tells where the next page begins",
    },
    "example": 'id,name,downloads,tags\r\nm1,acme-7b,120,"[""chat""]"\r\n',
}

_SPREAD: Final[Json] = {
    "count": 7,
    "min": 0,
    "max": 1900,
    "mean": 1057.142857142857,
    "quartiles": [1000, 1100, 1200],
    "histogram": [{"lower": None, "upper": 1, "count": 1}, {"lower": 1000, "upper": 2000, "count": 6}],
}
_NO_SPREAD: Final[Json] = {
    **dict.fromkeys(("min", "max", "mean", "quartiles")),
    "count": 0,
    "histogram": [],
}

COUNTED: Final[Json] = {
    "facets": {
        "type": "object",
        "description": "With `counts`: every facet that is listed, by its key in this answer",
        "properties": {key: _schema("CountedFacet") for key in BY_RESPONSE_KEY},
        "additionalProperties": False,
        "examples": [
            {
                "licenses": {
                    "values": [
                        {"value": "apache-2.0", "count": 12, "selected": True},
                        {"value": "mit", "count": 7, "selected": False},
                    ],
                    "total_values": 5,
                    "other_count": 4,
                    "missing_count": 9,
                    "truncated": True,
                    "match": "any",
                }
            }
        ],
    },
    "stats": {
        "type": "object",
        "description": "With `counts`: how numbers are spread over the models that pass every filter",
        "properties": {measure.column: _schema("NumberStatistics") for measure in RANGES if not measure.is_time},
        "additionalProperties": False,
        "examples": [{"parameters": _SPREAD, "size_bytes": _NO_SPREAD, "downloads": _NO_SPREAD}],
    },
}
"""What `counts` adds to the contract's answer."""

CSV: Final[Json] = {
    "schema": {
        "type": "string",
        "description": "A line a value. An apostrophe stands before a value that begins with = + - @ (or their wide "
        "forms), a tab or an apostrophe",
    },
    "example": "facet,value,count,selected\r\nlicenses,apache-2.0,12,true\r\nlicenses,mit,7,false\r\n",
}


def facet_parameters(settings: Settings) -> list[Json]:
    """Return what the service adds to the contract's parameters."""
    return [
        _query(
            "facet_limit",
            "How many values of each facet to list; selected values come on top",
            _integer(minimum=1, maximum=settings.facet_limit_max, default=settings.default_facet_limit),
            example=50,
        ),
        _query(
            "facet_limits",
            "The limit of one facet, by its parameter: `tags:50`; repeated; of two for one facet the last counts",
            _list({"type": "string", "pattern": f"^({_PARAMETERS}):-?[0-9]+$"}),
            example=["tags:50"],
        ),
        _query(
            "facets",
            "The facets to compute and list, by their keys in the answer, by comma or repeated; the others are empty",
            _list({"type": "string", "enum": list(BY_RESPONSE_KEY)}),
            style="form",
            explode=False,
            example=["tags", "licenses"],
        ),
        _query(
            "counts",
            "Add `facets`, with a count for every value, and `stats`",
            {"type": "boolean", "default": False},
            example=True,
        ),
        *_filter_parameters(),
        _IF_NONE_MATCH,
    ]


def value_parameters(contracts: list[Json], settings: Settings) -> list[Json]:
    """Return the parameters of one facet's values; `contracts` are those of the contract's operation."""
    org, *filters = contracts
    facet = {
        "name": "facet",
        "in": "path",
        "required": True,
        "description": "The facet, by its key in the answer",
        "schema": {"type": "string", "enum": list(BY_RESPONSE_KEY)},
        "example": "licenses",
    }
    limit = _integer(minimum=1, maximum=settings.facet_limit_max, default=default_values_limit(settings))
    own = [
        _query(
            "q",
            "Any fragment of the values, whatever the case and accents",
            {"type": "string", "maxLength": MAX_SEARCH_LENGTH},
            example="apache",
        ),
        _query("limit", "How many values to list", limit, example=20),
        _query(
            "offset", "How many values to pass over", _integer(minimum=0, maximum=MAX_OFFSET, default=0), example=100
        ),
        _query(
            "sort",
            "By count, most models first, or by value (sizes: by size)",
            {"type": "string", "enum": list(VALUE_ORDERS), "default": "count"},
            example="value",
        ),
    ]
    return [org, facet, *own, *filters, *_filter_parameters(), _IF_NONE_MATCH]


def model_parameters(contracts: list[Json]) -> list[Json]:
    """Return the parameters of the list of models; `contracts` are those of the contract's operation."""
    org, *filters = contracts
    own = [
        _query(
            "sort",
            "What models are listed by, `-` for the greatest first; equal ones by id in the same direction; models "
            "without a value come last",
            {"type": "string", "enum": list(SORTS), "default": DEFAULT_SORT},
            example="-downloads",
        ),
        _query(
            "limit",
            "How many models a page has",
            _integer(minimum=1, maximum=MODELS_LIMIT_MAX, default=MODELS_LIMIT),
            example=20,
        ),
        _query(
            "cursor",
            "The `next_cursor` of an answer to the same question, from the same snapshot",
            {"type": "string"},
            example="k7IyMDI2MTEyNFQwMjAwMDBaLTNmOWPEDA",
        ),
        _query(
            "fields",
            "The columns of the record to answer with, by comma or repeated; all if none is named",
            _list({"type": "string", "enum": list(FIELDS)}),
            style="form",
            explode=False,
            example=["id", "name", "downloads"],
        ),
    ]
    return [org, *own, *filters, *_filter_parameters(), _IF_NONE_MATCH]


_IF_NONE_MATCH: Final[Json] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "Tags of answers that the caller has",
    "schema": {"type": "string"},
    "example": '"ca6f9f762dc2a8f590ae159aac343f05"',
}


def snapshots_parameters(contracts: list[Json]) -> list[Json]:
    """Return the parameters of the list of snapshots; `contracts` are those of the contract's operation."""
    wanted = ("org", "include_public")
    return [*(parameter for parameter in contracts if parameter["name"] in wanted), _IF_NONE_MATCH]


def _filter_parameters() -> list[Json]:
    return [
        _query(
            "as_of",
            "Answer from an earlier snapshot: its id, or a time in RFC 3339, which means the newest one that is kept "
            "and was made by then (of a date: by its end). Only models that the caller sees now are shown of it",
            {"type": "string"},
            example="2026-12-31",
        ),
        _query(
            "match",
            "Whether models hold any or all of a facet's selected values: `tags:any`; repeated; of two for one facet "
            "the last counts",
            _list({"type": "string", "pattern": f"^({_PARAMETERS}):({'|'.join(MODES)})$"}),
            example=["tags:any"],
        ),
        _query(
            "missing",
            "Select models without a value of this facet, as one more alternative inside of it; repeated",
            _list({"type": "string", "enum": [facet.parameter for facet in FACETS]}),
            example=["license"],
        ),
        _query(
            "exclude",
            f"Leave out models that hold a value: `license:gpl-3.0`, parted at the first colon; repeated; a value has "
            f"at most {MAX_VALUE_LENGTH} characters",
            _list({"type": "string", "pattern": f"^({_PARAMETERS}):"}),
            example=["license:gpl-3.0"],
        ),
        *(
            _bound(name, measure.column, is_time=measure.is_time, is_lower=is_lower)
            for measure, bounds in RANGES.items()
            for name, is_lower in zip(bounds, (True, False), strict=True)
            if name is not None
        ),
    ]


def _bound(name: str, column: str, *, is_time: bool, is_lower: bool) -> Json:
    if is_time:
        relation = "at or after" if is_lower else "before"
        described = (
            f"Only models whose {column} is {relation} this time: ISO 8601, in UTC without an offset; models without "
            "one are left out"
        )
        return _query(name, described, {"type": "string", "format": "date-time"}, example="2026-11-01T00:00:00Z")
    relation = "least" if is_lower else "most"
    schema = _integer(minimum=-(2**63), maximum=2**63 - 1)
    described = f"Only models whose {column} is at {relation} this; models without one are left out"
    return _query(name, described, schema, example=1_000_000_000)


def _query(name: str, description: str, schema: Json, **more: Any) -> Json:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema, **more}
