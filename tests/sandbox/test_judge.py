from __future__ import annotations

import sys
from collections.abc import Iterator

import duckdb
import pytest

from facets_svc.analyst.cookbook import cookbook
from facets_svc.errors import QueryError
from facets_svc.sandbox.forkserver import RECURSION
from facets_svc.sandbox.judge import judge


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(RECURSION)
    with duckdb.connect() as connection:
        connection.execute("SET errors_as_json = true")
        yield connection
    sys.setrecursionlimit(before)


def refusal(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    with pytest.raises(QueryError) as refused:
        judge(connection, text)
    return str(refused.value)


TABLES = "models, model_tags, model_tasks, facet_values, orgs, snapshots"

ALLOWED = [
    ("SELECT 1", set()),
    ("FROM models", {"models"}),
    ("TABLE models", {"models"}),
    ("VALUES (1), (2)", set()),
    ("SELECT * FROM MODELS, \"Models_At\"('first') AS earlier", {"models", "models_at"}),
    ("SELECT models.* EXCLUDE (id) REPLACE (1 AS org) FROM models", {"models"}),
    ("SELECT COLUMNS('.*id') FROM orgs", {"orgs"}),
    ("SELECT unnest(tags), [tag FOR tag IN tags IF tag = 'a'] FROM models", {"models"}),
    ("SELECT license, count(*) FILTER (WHERE is_public) FROM models GROUP BY ALL HAVING count(*) > 1", {"models"}),
    ("SELECT row_number() OVER (PARTITION BY org ORDER BY id) FROM models QUALIFY true", {"models"}),
    ("SELECT CASE WHEN a THEN 1 ELSE 2 END, a BETWEEN 1 AND 2, a IN (1, 2), a LIKE 'b' FROM (SELECT 1 AS a)", set()),
    ("SELECT CAST(1 AS DECIMAL(3, 1)[]), '1'::JSON, TRY_CAST('a' AS STRUCT(a INTEGER)), 'a' COLLATE NOCASE", set()),
    ("SELECT {'a': 1}, MAP {'a': 1}, [1, 2][1:1], INTERVAL 1 DAY, DATE '2026-11-24', current_date", set()),
    ("SELECT extract(year FROM created_at), substring(id FROM 1 FOR 2), trim(id) FROM models", {"models"}),
    ("SELECT 1 UNION ALL BY NAME SELECT 2 EXCEPT SELECT 3 ORDER BY ALL LIMIT 10% OFFSET 1", set()),
    ("SELECT * FROM models TABLESAMPLE 10%", {"models"}),
    ("SELECT DISTINCT ON (org) org FROM models, LATERAL (SELECT models.id)", {"models"}),
    ("SELECT * FROM models ASOF JOIN orgs ON models.id >= orgs.org", {"models", "orgs"}),
    ("SELECT * FROM range(3), generate_series(1, 2), unnest([1])", set()),
    ("SELECT * FROM orgs AS models", {"orgs"}),
    ("WITH a AS (SELECT 1 AS x), b AS (SELECT * FROM a) SELECT * FROM a, b, (FROM b)", set()),
    ("WITH models AS (SELECT 1) SELECT * FROM models", set()),
    ("WITH models AS (SELECT * FROM models) SELECT * FROM models", {"models"}),
    ("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT * FROM t", set()),
    ("/* one */ SELECT ';' -- two;\n ; -- three", set()),
    (f"SELECT {' + '.join('1' * 300)}", set()),
    ("FROM models WHERE " + " OR ".join(["id = 1"] * 500), {"models"}),
]


@pytest.mark.parametrize(("text", "reads"), ALLOWED)
def test_what_only_computes_over_our_tables_is_allowed(
    connection: duckdb.DuckDBPyConnection, text: str, reads: set[str]
) -> None:
    assert judge(connection, text).reads == reads


def test_every_query_of_the_cookbook_is_allowed(connection: duckdb.DuckDBPyConnection) -> None:
    for query in cookbook():
        judged = judge(connection, query.text)
        assert judged.reads
        assert judged.parameters == set(query.parameters)


def test_the_parameters_of_a_statement_are_found(connection: duckdb.DuckDBPyConnection) -> None:
    assert judge(connection, "SELECT $a, $b + $a").parameters == {"a", "b"}
    assert judge(connection, "SELECT '$a'").parameters == set()


REFUSED = [
    # other tables, however they are named
    "SELECT * FROM duckdb_tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pg_tables",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM main.models",
    "SELECT * FROM memory.main.models",
    'SELECT * FROM "main"."models"',
    "SELECT * FROM model_rows",
    "SELECT * FROM 'models.parquet'",
    'SELECT * FROM "/etc/passwd"',
    "SELECT * FROM model\u017f",
    "SELECT * FROM \uff4dodels",
    "SELECT 1 FROM (SELECT 1 FROM models WHERE EXISTS (SELECT 1 FROM secrets))",
    "SELECT * FROM models AT (VERSION => 3)",
    # expressions of WITH, where they cannot be read
    "WITH x AS (SELECT * FROM x) SELECT * FROM x",
    "WITH x AS (SELECT * FROM y), y AS (SELECT 1) SELECT * FROM x",
    "SELECT * FROM x, (WITH x AS (SELECT 1) SELECT * FROM x)",
    "SELECT (WITH x AS (SELECT 1) SELECT 1 FROM x), (SELECT 1 FROM x)",
    "WITH RECURSIVE x AS (SELECT * FROM x UNION ALL SELECT * FROM x) SELECT * FROM x",
    "WITH duckdb_tables AS (SELECT * FROM duckdb_tables) SELECT * FROM duckdb_tables",
    "WITH pg_tables AS (SELECT 1) SELECT * FROM pg_tables",
    "WITH \"a.parquet\" AS (SELECT 1) SELECT * FROM 'a.parquet'",
    # functions
    "SELECT stats(id) FROM models",
    "SELECT STATS(id) FROM models",
    "SELECT main.stats(id) FROM models",
    "SELECT system.main.stats(id) FROM models",
    'SELECT "stats"(id) FROM models',
    "SELECT id.stats() FROM models",
    "SELECT list_transform([1], lambda x: stats(x))",
    "SELECT 1 ORDER BY stats(1)",
    "SELECT 1 LIMIT (SELECT stats(1))",
    "SELECT count(*) FILTER (WHERE stats(1) = '') FROM models",
    "SELECT sum(1) OVER (ORDER BY stats(1)) FROM models",
    "SELECT * REPLACE (stats(id) AS id) FROM models",
    "SELECT * FROM (VALUES (stats(1)))",
    "SELECT * FROM models JOIN orgs ON stats(1) = ''",
    "SELECT * FROM models_at(getvariable('x'))",
    "SELECT * FROM unnest([stats(1)])",
    "SELECT getenv('HOME')",
    "SELECT current_setting('threads')",
    "SELECT nextval('a')",
    "SELECT json_serialize_sql('SELECT 1')",
    "SELECT no_such_function(1)",
    "SELECT error('a')",
    "SELECT sum(1) EXPORT_STATE",
    # functions that stand for tables
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM Read_Parquet('a')",
    "SELECT * FROM read_csv('a')",
    "SELECT * FROM glob('*')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('models')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_views()",
    "SELECT * FROM pragma_table_info('models')",
    "SELECT * FROM parquet_metadata('a')",
    "SELECT * FROM main.range(3)::x",
    "SELECT * FROM models.range(3)",
    "SELECT * FROM lower('a')",
    # collations and types of somewhere else
    "SELECT id COLLATE de FROM models",
    "SELECT CAST(1 AS a.b)",
    # no SELECT
    "",
    ";",
    "-- nothing",
    "SELEC 1",
    "SELECT 1; SELECT 2",
    "SELECT 1;;SELECT 2",
    "COPY (SELECT 1) TO 'a'",
    "COPY models FROM 'a'",
    "ATTACH 'a'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET threads = 1",
    "RESET threads",
    "PRAGMA version",
    "PRAGMA table_info('models')",
    "CALL pragma_version()",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO 'a'",
    "PREPARE a AS SELECT 1",
    "EXECUTE a",
    "CREATE TABLE a AS SELECT 1",
    "CREATE TEMP MACRO a() AS 1",
    "CREATE VIEW models AS SELECT 1",
    "DROP VIEW models",
    "INSERT INTO models VALUES (1)",
    "UPDATE models SET id = 1",
    "DELETE FROM models",
    "EXPORT DATABASE 'a'",
    "USE memory",
    "BEGIN",
    "CHECKPOINT",
    "VACUUM",
    "DESCRIBE models",
    "SUMMARIZE models",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "SELECT * FROM (SUMMARIZE models)",
    "SELECT * FROM (DESCRIBE models)",
    "FROM (SHOW TABLES)",
    "PIVOT models ON license",
    "UNPIVOT models ON id, org",
    "SELECT * FROM models UNPIVOT (a FOR b IN (id, org))",
    "SELECT * FROM (PIVOT models ON license)",
    "WITH a AS (COPY (SELECT 1) TO 'a') SELECT 1",
    "WITH a AS (DELETE FROM models RETURNING *) SELECT * FROM a",
    "WITH a AS (INSERT INTO models VALUES (1) RETURNING *) SELECT * FROM a",
    "SELECT 1 INTO a",
    f"SELECT {' + '.join('1' * 5000)}",
    f"SELECT {'[' * 3000}{']' * 3000}",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_anything_else_is_refused(connection: duckdb.DuckDBPyConnection, text: str) -> None:
    refusal(connection, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1,\n  stats(2)", "In line 2, column 3: The function 'stats' is not allowed here."),
        ("SELECT 'é' FROM nowhere", f"In line 1, column 17: 'nowhere' is not a table. The tables are {TABLES}."),
        ("-- one\nSELECT 1;\nSELECT 2", "Only one statement is allowed; a second one begins in line 3."),
        ("SELECT 1 FROM glob('a')", "In line 1, column 15: The table function 'glob' is not allowed here."),
        ("SELECT 1 FROM a.b.models", "In line 1, column 15: Qualified names are not allowed here."),
        ("SUMMARIZE models", "Only DESCRIBE of one table and SHOW TABLES are allowed."),
        ("SELECT \0 1", "The statement contains NUL."),
        ("SELECT '\ud800'", "The statement contains a lone surrogate."),
    ],
)  # fmt: skip
def test_a_refusal_says_what_and_where(connection: duckdb.DuckDBPyConnection, text: str, said: str) -> None:
    assert refusal(connection, text) == said


def test_the_place_of_an_error_is_kept_apart(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(QueryError) as refused:
        judge(connection, "/* é */ SELECT\n 'é', stats(1)")
    assert (refused.value.line, refused.value.column) == (2, 7)
