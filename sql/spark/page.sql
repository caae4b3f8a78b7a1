-- The row ids of a page of the selected models, in order. Of equal values the lesser id comes first, or the greater one in
-- descending order; models without a value come last.
-- $by_updated_at FLAG: ordered by it
-- $by_created_at FLAG: ordered by it
-- $by_downloads FLAG: ordered by it
-- $by_parameters FLAG: ordered by it
-- $by_name FLAG: ordered by it
-- $descending FLAG: in descending order
-- $ascending FLAG: in ascending order
-- $limit BIGINT: models of the page
-- $offset BIGINT: models before it
SELECT selected.rid AS rid
FROM (
    -- include spark/selected
) AS selected
ORDER BY
    -- only with $descending
    -- only with $by_updated_at
    selected.updated_at DESC NULLS LAST,
    -- end
    -- only with $by_created_at
    selected.created_at DESC NULLS LAST,
    -- end
    -- only with $by_downloads
    selected.downloads DESC NULLS LAST,
    -- end
    -- only with $by_parameters
    selected.parameters DESC NULLS LAST,
    -- end
    -- only with $by_name
    selected.name_rank DESC NULLS LAST,
    -- end
    selected.id_rank DESC,
    -- end
    -- only with $ascending
    -- only with $by_updated_at
    selected.updated_at ASC NULLS LAST,
    -- end
    -- only with $by_created_at
    selected.created_at ASC NULLS LAST,
    -- end
    -- only with $by_downloads
    selected.downloads ASC NULLS LAST,
    -- end
    -- only with $by_parameters
    selected.parameters ASC NULLS LAST,
    -- end
    -- only with $by_name
    selected.name_rank ASC NULLS LAST,
    -- end
    selected.id_rank ASC,
    -- end
    selected.rid
LIMIT :limit OFFSET :offset
