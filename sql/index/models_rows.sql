-- The rows of `models`.
--
-- `bars` has the bars of the histograms of `parameters` (-100, -101, …), `size_bytes` (-200, …) and `downloads` (-300, …).
-- The first bar is for numbers below 1, the others start at 1, 2, 5, 10, 20, 50 and so on, computed exactly from the
-- digits. They are below 0 so that one statement can count codes and bars.
INSERT INTO snapshot.models
WITH coded AS (
    SELECT
        ordered.rowid AS rid,
        coalesce(CAST(enum_code(CAST(ordered.license AS license)) AS INTEGER) + getvariable('first_license'), 2) AS license,
        coalesce(CAST(enum_code(CAST(ordered.framework AS framework)) AS INTEGER) + getvariable('first_framework'), 4) AS framework,
        coalesce(
            CAST(enum_code(CAST(ordered.size_category AS size_category)) AS INTEGER) + getvariable('first_size_category'), 5
        ) AS size_category,
        CASE
            WHEN len(ordered.task_categories) = 0 THEN [3]
            ELSE list_transform(
                CAST(ordered.task_categories AS task_category[]),
                lambda value: CAST(enum_code(value) AS INTEGER) + getvariable('first_task_category')
            )
        END AS tasks,
        CASE
            WHEN len(ordered.tags) = 0 THEN [1]
            ELSE list_transform(
                CAST(ordered.tags AS tag[]), lambda value: CAST(enum_code(value) AS INTEGER) + getvariable('first_tag')
            )
        END AS tags,
        string_split(replace(ordered.search_text, chr(10), ' '), ' ') AS words,
        ordered.* EXCLUDE (license, framework, size_category, tags),
        ranks.id_rank AS id_rank,
        ranks.name_rank AS name_rank
    FROM ordered
    POSITIONAL JOIN ranks
)
SELECT
    coded.rid AS rid,
    coded.license AS license,
    coded.framework AS framework,
    coded.size_category AS size_category,
    coded.tasks AS tasks,
    list_concat([0, coded.license, coded.framework, coded.size_category], coded.tasks, coded.tags) AS codes,
    coalesce(list_bit_or(list_transform(
        list_filter(coded.tags, lambda code: code >= 6 AND code < 69), lambda code: CAST(1 AS BIGINT) << (code - 6)
    )), 0) AS tag_bits_0,
    coalesce(list_bit_or(list_transform(
        list_filter(coded.tags, lambda code: code >= 69 AND code < 132), lambda code: CAST(1 AS BIGINT) << (code - 69)
    )), 0) AS tag_bits_1,
    coalesce(list_bit_or(list_transform(
        list_filter(coded.words, lambda word: list_contains(getvariable('frequent_words'), word)),
        lambda word: CAST(1 AS BIGINT) << (list_position(getvariable('frequent_words'), word) - 1)
    )), 0) AS word_bits,
    array_to_string(
        list_filter(coded.words, lambda word: NOT list_contains(getvariable('frequent_words'), word)), ' '
    ) AS rare_words,
    list_filter([
        CASE
            WHEN coded.parameters < 1 THEN -100
            ELSE -(98 + 3 * length(CAST(coded.parameters AS VARCHAR))
                + CASE WHEN left(CAST(coded.parameters AS VARCHAR), 1) = '1' THEN 0
                    WHEN left(CAST(coded.parameters AS VARCHAR), 1) < '5' THEN 1 ELSE 2 END)
        END,
        CASE
            WHEN coded.size_bytes < 1 THEN -200
            ELSE -(198 + 3 * length(CAST(coded.size_bytes AS VARCHAR))
                + CASE WHEN left(CAST(coded.size_bytes AS VARCHAR), 1) = '1' THEN 0
                    WHEN left(CAST(coded.size_bytes AS VARCHAR), 1) < '5' THEN 1 ELSE 2 END)
        END,
        CASE
            WHEN coded.downloads < 1 THEN -300
            ELSE -(298 + 3 * length(CAST(coded.downloads AS VARCHAR))
                + CASE WHEN left(CAST(coded.downloads AS VARCHAR), 1) = '1' THEN 0
                    WHEN left(CAST(coded.downloads AS VARCHAR), 1) < '5' THEN 1 ELSE 2 END)
        END
    ], lambda bar: bar IS NOT NULL) AS bars,
    coded.parameters AS parameters,
    coded.size_bytes AS size_bytes,
    coded.downloads AS downloads,
    coded.created_at AS created_at,
    coded.updated_at AS updated_at,
    coded.id_rank AS id_rank,
    coded.name_rank AS name_rank,
    coded.id AS id,
    coded.org AS org,
    coded.name AS name,
    coded.description AS description
FROM coded;
