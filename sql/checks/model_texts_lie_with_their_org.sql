-- Texts whose row id is not one of their org's public or private models.
SELECT
    model_texts.rid AS rid,
    model_texts.org AS org
FROM model_texts
LEFT JOIN orgs ON orgs.org = model_texts.org
WHERE orgs.org IS NULL
    OR NOT (
        (model_texts.rid >= orgs.public_first AND model_texts.rid < orgs.public_end)
        OR (model_texts.rid >= orgs.private_first AND model_texts.rid < orgs.private_end)
    )
ORDER BY rid;
