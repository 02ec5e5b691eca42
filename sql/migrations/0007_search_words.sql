-- Words that are too long for a query: one letter may become several when it is taken apart.

-- The words of what was typed, each once. Postgres takes at most 2046 bytes for a word; 500 are plenty.
create or replace function typed_words(value text) returns setof text
    language sql immutable strict parallel safe
    as $$
    select distinct case when octet_length(word) <= 500 then word else left(word, 125) end
    from regexp_split_to_table(words(value), ' ') as word
    where word <> ''
    limit 10
    $$;
