-- The row ids of a page of the selected models, in order. Models with equal values are sorted by id, descending in
-- descending order; models without a value come last.
-- $by_updated_at FLAG: order by `updated_at`
-- $by_created_at FLAG: order by `created_at`
-- $by_downloads FLAG: order by `downloads`
-- $by_parameters FLAG: order by `parameters`
-- $by_name FLAG: order by `name`
-- $descending FLAG: in descending order
-- $ascending FLAG: in ascending order
-- $limit BIGINT: the most models of the page
-- $offset BIGINT: number of models before the page
SELECT selected.rid AS rid
FROM (
    -- include facets/selected
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
LIMIT $limit OFFSET $offset
