-- Tags without a bit whose postings differ in number from the public models with the tag, or are not in their order.
SELECT
    facet_values.code AS code,
    facet_values.public_models AS models_expected,
    count(postings.rid) AS models_in_postings
FROM snapshot.facet_values AS facet_values
LEFT JOIN snapshot.postings AS postings ON postings.code = facet_values.code
WHERE facet_values.facet = 0 AND facet_values.code >= 132
GROUP BY facet_values.code, facet_values.public_models
HAVING count(DISTINCT postings.rid) <> facet_values.public_models
ORDER BY code;
