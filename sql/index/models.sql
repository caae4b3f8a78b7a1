-- What the service filters, counts, sorts and shows of every model, in the order of the row ids.
--
-- `codes` begin with 0, the licence, the framework and the size category; then come those of the task categories and those
-- of the tags, as the record has them. A text of a facet is found by its code, and stands nowhere else here.
--
-- The types `tag`, `license`, `task_category`, `framework` and `size_category` number the values of a facet in the order
-- of their codes; the variable `first_<facet>` is the code of the first one, `frequent_words` the list of those words.
CREATE TABLE snapshot.models (
    rid INTEGER,
    license INTEGER,
    framework INTEGER,
    size_category INTEGER,
    tasks INTEGER[],
    codes INTEGER[],
    tag_bits_0 BIGINT,
    tag_bits_1 BIGINT,
    word_bits BIGINT,
    -- not compressed: a search reads all of them, and to expand them takes twice as long as to look into them
    rare_words VARCHAR USING COMPRESSION uncompressed,
    bars INTEGER[],
    parameters BIGINT,
    size_bytes BIGINT,
    downloads BIGINT,
    created_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ,
    id_rank INTEGER,
    name_rank INTEGER,
    id VARCHAR,
    org VARCHAR,
    name VARCHAR,
    description VARCHAR
);
