-- Bounds on what one member stores: what extended information prints as, changes a day, words of titles that are gone.

-- A number as 1e308 has 5 bytes as typed and 309 as printed, and jsonb is printed whenever it is read. Without such
-- numbers nothing that the form takes comes near this bound; extended information beyond it is taken away.
update torrents set extended = null where octet_length(extended::text) > 131072;
alter table torrents add constraint torrents_extended_printed check (octet_length(extended::text) <= 131072);

-- How much each member changed on the last day (UTC) on which they did.
create table member_changes (
    user_id integer primary key references users on delete cascade,
    day     date not null,
    uploads integer not null default 0,
    edits   integer not null default 0
);

-- Words that left a title: title_words is to forget those that no title has.
create table forgotten_words (
    word text primary key
);

-- Until now no word was forgotten.
insert into forgotten_words (word) select word from title_words;

create function forget_words() returns trigger language plpgsql as $$
begin
    insert into forgotten_words (word)
    select distinct word
    from regexp_split_to_table(words(old.title), ' ') as word
    where length(word) between 4 and 24
    order by word
    on conflict do nothing;
    return null;
end $$;

create trigger forget_words_of_deleted after delete on torrents for each row execute function forget_words();
create trigger forget_words_of_renamed after update of title on torrents for each row
    when (old.title is distinct from new.title) execute function forget_words();
