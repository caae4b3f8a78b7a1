-- Models whose row id is not one of their org's public, or private, models.
SELECT
    model_ids.rid AS rid,
    models.org AS org
FROM model_ids
LEFT JOIN models ON models.id = model_ids.id
LEFT JOIN orgs ON orgs.org = models.org
WHERE models.id IS NULL
    OR orgs.org IS NULL
    OR NOT CASE
        WHEN models.is_public THEN model_ids.rid >= orgs.public_first AND model_ids.rid < orgs.public_end
        ELSE model_ids.rid >= orgs.private_first AND model_ids.rid < orgs.private_end
    END
ORDER BY rid;
