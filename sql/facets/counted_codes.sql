-- The codes that a model counts for: all of them when it passes every filter; when it fails one *any* facet and no
-- other, the codes of that facet, whose counts leave its own filter out; none otherwise.
CREATE MACRO counted_codes(failed, codes, license, task_categories, framework, size_category) AS (
    CASE failed
        WHEN 0 THEN codes
        WHEN 2 THEN [license]
        WHEN 4 THEN task_categories
        WHEN 8 THEN [framework]
        WHEN 16 THEN [size_category]
    END
);
