-- The data of every model by which the service filters, counts, sorts and shows it, in the order of the row ids.
--
-- `codes` has 0, then the codes of the licence, the framework and the size category, then those of the task categories and
-- of the tags, in the order of the record. The texts of facet values are in `facet_values` only, by code.
--
-- The types `tag`, `license`, `task_category`, `framework` and `size_category` number the values of a facet in the order
-- of their codes. The variable `first_<facet>` is the code of the first value, `frequent_words` the list of these words.
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
