-- The public models with each tag that has no bit in `models`.
CREATE TABLE snapshot.postings AS
SELECT
    held.code AS code,
    held.rid AS rid
FROM (
    SELECT
        unnest(list_filter(models.codes, lambda code: code >= 132)) AS code,
        models.rid AS rid
    FROM snapshot.models AS models
) AS held
INNER JOIN snapshot.facet_values AS facet_values ON facet_values.code = held.code AND facet_values.facet = 0
WHERE held.rid < (SELECT coalesce(max(orgs.public_end), 0) FROM snapshot.orgs AS orgs)
ORDER BY held.code, held.rid;
