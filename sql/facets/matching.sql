-- The row ids of the models whose texts, numbers and times pass. The condition of a parameter that is not given is left out.
-- `models` is an Arrow table of the models to be read.
-- $parameters_minimum BIGINT: parameters is at least this
-- $parameters_maximum BIGINT: parameters is at most this
-- $size_bytes_minimum BIGINT: size_bytes is at least this
-- $size_bytes_maximum BIGINT: size_bytes is at most this
-- $downloads_minimum BIGINT: downloads is at least this
-- $downloads_maximum BIGINT: downloads is at most this
-- $created_at_minimum TIMESTAMPTZ: created_at is at least this
-- $created_at_maximum TIMESTAMPTZ: created_at is before this
-- $updated_at_minimum TIMESTAMPTZ: updated_at is at least this
-- $updated_at_maximum TIMESTAMPTZ: updated_at is before this
-- $term VARCHAR: folded search term, which the search text contains
SELECT models.rid AS rid
FROM models
WHERE TRUE
    -- only with $parameters_minimum
    AND models.parameters >= $parameters_minimum
    -- end
    -- only with $parameters_maximum
    AND models.parameters <= $parameters_maximum
    -- end
    -- only with $size_bytes_minimum
    AND models.size_bytes >= $size_bytes_minimum
    -- end
    -- only with $size_bytes_maximum
    AND models.size_bytes <= $size_bytes_maximum
    -- end
    -- only with $downloads_minimum
    AND models.downloads >= $downloads_minimum
    -- end
    -- only with $downloads_maximum
    AND models.downloads <= $downloads_maximum
    -- end
    -- only with $created_at_minimum
    AND models.created_at >= $created_at_minimum
    -- end
    -- only with $created_at_maximum
    AND models.created_at < $created_at_maximum
    -- end
    -- only with $updated_at_minimum
    AND models.updated_at >= $updated_at_minimum
    -- end
    -- only with $updated_at_maximum
    AND models.updated_at < $updated_at_maximum
    -- end
    -- only with $term
    AND contains(models.search_text, $term)
    -- end
ORDER BY rid;
