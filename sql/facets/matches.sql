-- Whether a model holds all selected tags, and whether its search text contains all terms. An empty list asks nothing.
CREATE MACRO matches(codes, search_text, tags, terms) AS (
    (len(tags) = 0 OR (list_contains(codes, tags[1]) AND (len(tags) = 1 OR list_has_all(codes, tags))))
    AND (
        len(terms) = 0
        OR (
            contains(search_text, terms[1])
            AND (len(terms) = 1 OR len(list_filter(terms, lambda term: NOT contains(search_text, term))) = 0)
        )
    )
);
