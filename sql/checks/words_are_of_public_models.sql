-- Words of public models' texts that are said of other models, or that no text is cut into.
SELECT
    words_public.word AS word,
    words_public.rid AS rid
FROM words_public
WHERE words_public.rid >= (SELECT coalesce(max(orgs.public_end), 0) FROM orgs)
    OR words_public.word = ''
    OR contains(words_public.word, ' ')
    OR contains(words_public.word, chr(10));
