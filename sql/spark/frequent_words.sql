-- The words with a bit in `models.word_bits`, by bit. The service reads it once.
SELECT frequent_words.word AS word
FROM frequent_words
ORDER BY frequent_words.bit
