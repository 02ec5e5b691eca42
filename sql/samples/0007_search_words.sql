-- A title whose words are longer than a query takes.
insert into torrents (info_hash_v1, title, size, file_count, search)
    values (decode(repeat('07', 20), 'hex'), repeat('鳥', 300), 1, 1, search_words(repeat('鳥', 300), ''));
