--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: pg_trgm; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;


--
-- Name: EXTENSION pg_trgm; Type: COMMENT; Schema: -; Owner: -
--

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';


--
-- Name: add_up(bigint, bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.add_up(total bigint, more bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ select case when total > 9223372036854775807 - more then 9223372036854775807 else total + more end $$;


--
-- Name: beginning_query(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.beginning_query(value text) RETURNS tsquery
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    AS $$
    with common as (
        select element.word
        from pg_stats s
        cross join lateral unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs) as element (word, share)
        where s.schemaname = 'public' and s.tablename = 'torrents' and s.attname = 'search'
          and element.share * (select reltuples from pg_class where oid = 'public.torrents'::regclass) > 5000
    )
    select string_agg(
        quote_literal(word)
            || case when octet_length(word) < 3 or word in (select c.word from common c) then '' else ':*' end,
        ' & ')::tsquery
    from typed_words(value) as word
    $$;


--
-- Name: end_counts(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.end_counts() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    delete from torrent_counts where torrent_id = old.id;
    return null;
end $$;


--
-- Name: learn_words(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.learn_words() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into title_words (word, variants)
    select distinct word, word_variants(word)
    from regexp_split_to_table(words(new.title), ' ') as word
    where length(word) between 4 and 24
    order by word
    on conflict do nothing;
    return null;
end $$;


--
-- Name: near_query(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.near_query(value text) RETURNS tsquery
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    AS $$
    select string_agg('(' || coalesce(near, quote_literal(typed.word) || ':*') || ')', ' & ')::tsquery
    from typed_words(value) as typed (word),
    lateral (
        select string_agg(quote_literal(nearest.word), ' | ') as near
        from (
            select known.word
            from title_words known
            where length(typed.word) between 4 and 25 and known.variants && word_variants(typed.word)
            order by similarity(known.word, typed.word) desc, known.word
            limit 4
        ) as nearest
    ) as found
    $$;


--
-- Name: search_words(text, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.search_words(title text, file_names text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    select setweight(to_tsvector('simple', words(title)), 'A')
        || setweight(to_tsvector('simple', words(file_names)), 'D')
    $$;


--
-- Name: start_counts(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.start_counts() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    insert into torrent_counts (torrent_id) values (new.id) on conflict do nothing;
    return null;
end $$;


--
-- Name: tell_tracker(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.tell_tracker() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
begin
    perform pg_notify('directory', tg_argv[0] || ':' || coalesce(new.id, old.id));
    return null;
end $$;


--
-- Name: typed_words(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.typed_words(value text) RETURNS SETOF text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    select distinct word from regexp_split_to_table(words(value), ' ') as word where word <> '' limit 10
    $$;


--
-- Name: whole_query(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.whole_query(value text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    select string_agg(quote_literal(word), ' & ')::tsquery from typed_words(value) as word
    $$;


--
-- Name: word_variants(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.word_variants(word text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    select array_agg(distinct variant)
    from (
        select word as variant
        union all
        select overlay(word placing '' from place for 1) from generate_series(1, length(word)) as place
    ) as variants
    $$;


--
-- Name: words(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.words(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    select regexp_replace(
        regexp_replace(lower(normalize(value, NFKD)), '[\u0300-\u036f]', '', 'g'),
        '[^[:alnum:]]+', ' ', 'g')
    $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: api_tokens; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.api_tokens (
    id integer NOT NULL,
    user_id integer NOT NULL,
    name text NOT NULL,
    nonce bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone,
    CONSTRAINT api_tokens_name_length CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT api_tokens_nonce_check CHECK ((length(nonce) = 16))
);


--
-- Name: api_tokens_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.api_tokens ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.api_tokens_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: files; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.files (
    torrent_id integer NOT NULL,
    "position" integer NOT NULL,
    path text NOT NULL,
    size bigint NOT NULL,
    CONSTRAINT files_size_check CHECK ((size >= 0))
);


--
-- Name: history_days; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.history_days (
    day date NOT NULL,
    hours integer NOT NULL
);


--
-- Name: invites; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.invites (
    id integer NOT NULL,
    nonce bytea NOT NULL,
    created_by integer,
    roles text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    claimed_by integer,
    claimed_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT invites_nonce_check CHECK ((length(nonce) = 16))
);


--
-- Name: invites_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.invites ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.invites_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: metainfo; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.metainfo (
    torrent_id integer NOT NULL,
    info bytea NOT NULL,
    piece_layers bytea
);


--
-- Name: report_streams; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.report_streams (
    epoch bigint NOT NULL,
    seq bigint NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: roles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.roles (
    name text NOT NULL,
    description text NOT NULL
);


--
-- Name: schema_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_migrations (
    version integer NOT NULL,
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    id bytea NOT NULL,
    public_id integer NOT NULL,
    user_id integer,
    data jsonb NOT NULL,
    user_agent text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL
);


--
-- Name: sessions_public_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.sessions ALTER COLUMN public_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.sessions_public_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: title_words; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.title_words (
    word text NOT NULL,
    variants text[] NOT NULL
);


--
-- Name: torrent_counts; Type: TABLE; Schema: public; Owner: -
--

CREATE UNLOGGED TABLE public.torrent_counts (
    torrent_id integer NOT NULL,
    seeders integer DEFAULT 0 NOT NULL,
    leechers integer DEFAULT 0 NOT NULL
);


--
-- Name: torrent_history; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.torrent_history (
    torrent_id integer NOT NULL,
    day date NOT NULL,
    points bytea NOT NULL
)
WITH (fillfactor='80');


--
-- Name: torrents; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.torrents (
    id integer NOT NULL,
    info_hash_v1 bytea,
    info_hash_v2 bytea,
    info_hash bytea GENERATED ALWAYS AS (COALESCE(info_hash_v1, SUBSTRING(info_hash_v2 FROM 1 FOR 20))) STORED NOT NULL,
    title text NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    extended jsonb,
    size bigint NOT NULL,
    file_count integer NOT NULL,
    uploader_id integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    snatched integer DEFAULT 0 NOT NULL,
    search tsvector NOT NULL,
    CONSTRAINT torrents_description_check CHECK ((length(description) <= 100000)),
    CONSTRAINT torrents_extended_check CHECK ((pg_column_size(extended) <= 262144)),
    CONSTRAINT torrents_file_count_check CHECK ((file_count > 0)),
    CONSTRAINT torrents_info_hash_v1_check CHECK ((length(info_hash_v1) = 20)),
    CONSTRAINT torrents_info_hash_v2_check CHECK ((length(info_hash_v2) = 32)),
    CONSTRAINT torrents_size_check CHECK ((size >= 0)),
    CONSTRAINT torrents_some_hash CHECK (((info_hash_v1 IS NOT NULL) OR (info_hash_v2 IS NOT NULL))),
    CONSTRAINT torrents_title_length CHECK (((length(title) >= 1) AND (length(title) <= 300)))
);


--
-- Name: torrents_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.torrents ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.torrents_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: transfers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.transfers (
    user_id integer NOT NULL,
    torrent_id integer NOT NULL,
    uploaded bigint DEFAULT 0 NOT NULL,
    downloaded bigint DEFAULT 0 NOT NULL,
    seeded_seconds bigint DEFAULT 0 NOT NULL,
    leeched_seconds bigint DEFAULT 0 NOT NULL,
    left_bytes bigint DEFAULT 0 NOT NULL,
    stopped boolean DEFAULT false NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    snatched_at timestamp with time zone,
    clamped_count integer DEFAULT 0 NOT NULL,
    clamped_at timestamp with time zone,
    CONSTRAINT transfers_downloaded_check CHECK ((downloaded >= 0)),
    CONSTRAINT transfers_leeched_seconds_check CHECK ((leeched_seconds >= 0)),
    CONSTRAINT transfers_left_bytes_check CHECK ((left_bytes >= 0)),
    CONSTRAINT transfers_seeded_seconds_check CHECK ((seeded_seconds >= 0)),
    CONSTRAINT transfers_uploaded_check CHECK ((uploaded >= 0))
)
WITH (fillfactor='80');


--
-- Name: user_roles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.user_roles (
    user_id integer NOT NULL,
    role text NOT NULL
);


--
-- Name: user_totals; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.user_totals (
    user_id integer NOT NULL,
    uploaded bigint DEFAULT 0 NOT NULL,
    downloaded bigint DEFAULT 0 NOT NULL,
    seeded_seconds bigint DEFAULT 0 NOT NULL,
    leeched_seconds bigint DEFAULT 0 NOT NULL,
    CONSTRAINT user_totals_downloaded_check CHECK ((downloaded >= 0)),
    CONSTRAINT user_totals_leeched_seconds_check CHECK ((leeched_seconds >= 0)),
    CONSTRAINT user_totals_seeded_seconds_check CHECK ((seeded_seconds >= 0)),
    CONSTRAINT user_totals_uploaded_check CHECK ((uploaded >= 0))
)
WITH (fillfactor='80');


--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    id integer NOT NULL,
    name text NOT NULL,
    password_hash text NOT NULL,
    key_version integer DEFAULT 0 NOT NULL,
    invited_by integer,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    disabled_at timestamp with time zone,
    CONSTRAINT users_name_form CHECK ((name ~ '^[A-Za-z0-9_.-]{2,32}$'::text))
);


--
-- Name: users_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Data for Name: api_tokens; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.api_tokens OVERRIDING SYSTEM VALUE VALUES (1, 6, 'a script', '\x9b7f1ee6c4c78b8cb3eb2909376cbe91', '2026-11-30 20:36:48.691315+00', '2026-11-30 20:36:48.693586+00');


--
-- Data for Name: files; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.files VALUES (1, 0, 'Single file.bin', 300000);
INSERT INTO public.files VALUES (2, 0, 'folder/two.dat', 200000);
INSERT INTO public.files VALUES (2, 1, 'one.txt', 40000);
INSERT INTO public.files VALUES (3, 0, 'a.txt', 5000);
INSERT INTO public.files VALUES (3, 1, 'b/c.bin', 70000);
INSERT INTO public.files VALUES (3, 2, 'b/d.bin', 100001);
INSERT INTO public.files VALUES (4, 0, 'Ördner/Datei 6.txt', 1006);
INSERT INTO public.files VALUES (4, 1, 'Ördner/Datei 2.txt', 1002);
INSERT INTO public.files VALUES (4, 2, 'Ördner/Datei 0.txt', 1000);
INSERT INTO public.files VALUES (4, 3, 'Ördner/Datei 11.txt', 1011);
INSERT INTO public.files VALUES (4, 4, 'Ördner/Datei 7.txt', 1007);
INSERT INTO public.files VALUES (4, 5, 'Ördner/Datei 3.txt', 1003);
INSERT INTO public.files VALUES (4, 6, 'Ördner/Datei 8.txt', 1008);
INSERT INTO public.files VALUES (4, 7, 'Ördner/Datei 1.txt', 1001);
INSERT INTO public.files VALUES (4, 8, 'Ördner/Datei 9.txt', 1009);
INSERT INTO public.files VALUES (4, 9, 'Ördner/Datei 5.txt', 1005);
INSERT INTO public.files VALUES (4, 10, 'Ördner/Datei 4.txt', 1004);
INSERT INTO public.files VALUES (4, 11, 'Ördner/Datei 10.txt', 1010);


--
-- Data for Name: history_days; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.history_days VALUES ('2026-11-30', 1048576);


--
-- Data for Name: invites; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.invites OVERRIDING SYSTEM VALUE VALUES (1, '\x011f190371b57f97646d460804f79888', 3, '{}', '2026-11-30 20:36:42.063202+00', '2126-11-06 20:36:42.063202+00', 6, '2026-11-30 20:36:42.08987+00', NULL);
INSERT INTO public.invites OVERRIDING SYSTEM VALUE VALUES (2, '\x0f2d5af69ceb7151342d2dae4326c3a1', 3, '{}', '2026-11-30 20:36:48.695811+00', '2126-11-06 20:36:48.695811+00', NULL, NULL, NULL);
INSERT INTO public.invites OVERRIDING SYSTEM VALUE VALUES (3, '\x0e921966cfb90a7f88d9accd56e33b48', 3, '{}', '2026-11-30 20:36:48.699406+00', '2126-11-06 20:36:48.699406+00', NULL, NULL, '2026-11-30 20:36:48.700776+00');
INSERT INTO public.invites OVERRIDING SYSTEM VALUE VALUES (4, '\x013fd4155451acc8b0fb4938064eb3d9', 1, '{}', '2026-11-30 20:36:48.750286+00', '2126-11-06 20:36:48.750286+00', NULL, NULL, NULL);
INSERT INTO public.invites OVERRIDING SYSTEM VALUE VALUES (5, '\x3f666c1d7cc9900d8d20d305d15ff0e7', 3, '{}', '2026-11-30 20:36:48.752298+00', '2126-11-06 20:36:48.752298+00', NULL, NULL, NULL);


--
-- Data for Name: metainfo; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.metainfo VALUES (1, '\x64363a6c656e6774686933303030303065343a6e616d6531353a53696e676c652066696c652e62696e31323a7069656365206c656e67746869313633383465363a7069656365733338303abbaa25bae1c63b0c6ac39dd77d5d998b7950c6b4394180337aea9dbc673158b967b7816bcd5a48e15d61974c9504179d156f6c698a9525d25da8ca2458bf72a24ac66d350cee5eaf970d7066138a460ebbaa25bae1c63b0c6ac39dd77d5d998b7950c6b4394180337aea9dbc673158b967b7816bcd5a48e15d61974c9504179d156f6c698a9525d25da8ca2458bf72a24ac66d350cee5eaf970d7066138a460ebbaa25bae1c63b0c6ac39dd77d5d998b7950c6b4394180337aea9dbc673158b967b7816bcd5a48e15d61974c9504179d156f6c698a9525d25da8ca2458bf72a24ac66d350cee5eaf970d7066138a460ebbaa25bae1c63b0c6ac39dd77d5d998b7950c6b4394180337aea9dbc673158b967b7816bcd5a48e15d61974c9504179d156f6c698a9525d25da8ca2458bf72a24ac66d350cee5eaf970d7066138a460ebbaa25bae1c63b0c6ac39dd77d5d998b7950c6b4394180337aea9dbc673158b967b7816bcd5a48e1e040d67d448cc12e51e71685570bd7baf257fccd373a7072697661746569316565', NULL);
INSERT INTO public.metainfo VALUES (2, '\x64393a66696c65207472656564363a666f6c64657264373a74776f2e64617464303a64363a6c656e677468693230303030306531313a70696563657320726f6f7433323afc38b0d336f043a6f3952d3b796e1c0ad047b9469bc7e4f54c075127e3061d0a656565373a6f6e652e74787464303a64363a6c656e6774686934303030306531313a70696563657320726f6f7433323ada59e11f23cd557f9c63d10438e73b9f26bde09b2a72e09c7c9bfcec4f33943a65656531323a6d6574612076657273696f6e693265343a6e616d6531343a5365636f6e642076657273696f6e31323a7069656365206c656e67746869313633383465373a7072697661746569316565', '\x6433323ada59e11f23cd557f9c63d10438e73b9f26bde09b2a72e09c7c9bfcec4f33943a39363a00057387dafa47c9fb93655f4e7b2e771213f1a2854fa382589ba13f9c1b81e300c894812e4893e602265f58bfb04649d298c5358547280db214cc8451a6dc73fe0b114598ddb4542596221f1968e636b8493dc2005f1342307e30faae6b36da33323afc38b0d336f043a6f3952d3b796e1c0ad047b9469bc7e4f54c075127e3061d0a3431363ae352e2b32352adfba0f7e81e4da9c8ead00a884f884ec519d7af355b1ffa11e393d536f6315c2dbabd49eb566e39a4d048a82a68bf7c1a35ec89c3ffe5eddd7f2d1c6ac7f601b424ef7c0ff7f196f1594f4aa65ed90e504590ec4217da89aec31965c285bfd472ff2a6f6fca41049657a7cdb7cecf8f86acf45762561c7d45a0e352e2b32352adfba0f7e81e4da9c8ead00a884f884ec519d7af355b1ffa11e393d536f6315c2dbabd49eb566e39a4d048a82a68bf7c1a35ec89c3ffe5eddd7f2d1c6ac7f601b424ef7c0ff7f196f1594f4aa65ed90e504590ec4217da89aec31965c285bfd472ff2a6f6fca41049657a7cdb7cecf8f86acf45762561c7d45a0e352e2b32352adfba0f7e81e4da9c8ead00a884f884ec519d7af355b1ffa11e393d536f6315c2dbabd49eb566e39a4d048a82a68bf7c1a35ec89c3ffe5eddd7f2d1c6ac7f601b424ef7c0ff7f196f1594f4aa65ed90e504590ec4217da89aec31965c285bfd472ff2a6f6fca41049657a7cdb7cecf8f86acf45762561c7d45a0f79e712d0fb3735366ab279d2b67c6b13a897ecff02a8a42af20303be676fe4165');
INSERT INTO public.metainfo VALUES (3, '\x64393a66696c65207472656564353a612e74787464303a64363a6c656e67746869353030306531313a70696563657320726f6f7433323a5aae9331aa6aee0859133ea16206cb6c9d9048f430d387e7a370fd0f07356ab86565313a6264353a632e62696e64303a64363a6c656e6774686937303030306531313a70696563657320726f6f7433323a4c04bfcb1ec87b877d2febed2180c87475afc2b3297309819cbc2991e0f0690b6565353a642e62696e64303a64363a6c656e677468693130303030316531313a70696563657320726f6f7433323a4f067426240b2302ddd6e45661873848d2f3580687684f016833e786b8bf54f065656565353a66696c65736c64363a6c656e677468693530303065343a706174686c353a612e747874656564343a61747472313a70363a6c656e67746869313133383465343a706174686c343a2e706164353a3131333834656564363a6c656e67746869373030303065343a706174686c313a62353a632e62696e656564343a61747472313a70363a6c656e67746869313139323065343a706174686c343a2e706164353a3131393230656564363a6c656e6774686931303030303165343a706174686c313a62353a642e62696e656564343a61747472313a70363a6c656e67746869313436383765343a706174686c343a2e706164353a313436383765656531323a6d6574612076657273696f6e693265343a6e616d6531333a426f74682076657273696f6e7331323a7069656365206c656e67746869313633383465363a7069656365733236303a5fabcee751f25a431be95fff9733aebcac5d8b51b7122090f9b6237878d9a5ef8da73df6aeafe33e18a8181781e69962481ea1c38da43eff7e72025e6a64ee6339c3f9ef447a58533d2848a541913f49e0cdb17024bbf3aafcfd524ca902d01fb1806db2d43343e7f531cbf37c822274dd498ff92bf3fcc3b7122090f9b6237878d9a5ef8da73df6aeafe33e18a8181781e69962481ea1c38da43eff7e72025e6a64ee6339c3f9ef447a58533d2848a541913f49e0cdb17024bbf3aafcfd524ca902d01fb1806db2b7122090f9b6237878d9a5ef8da73df6aeafe33e18a8181781e69962481ea1c38da43eff7e72025e14b2689d3ef2352b4bd4c1b540752c4f3f7e43e7373a7072697661746569316565', '\x6433323a4c04bfcb1ec87b877d2febed2180c87475afc2b3297309819cbc2991e0f0690b3136303a6a25c9bccccc084f2fb50cccff40ca118dfbf885eacaa0650be641b240413c49637edd70af3092b5938c7f1f296cc77566d929155b85e996d577e68f050ccca29ca767bec5fbaded32df33698633297959700866e530e4a9defe440d88cad71b766e9797d0b3dbe7a3f2464734217b11545696c2d2d222b514b9565de55c1cbb0caabb821a37c0cf9389123e234255a9c90d7a400f72447a85e2873ba1d1a61333323a4f067426240b2302ddd6e45661873848d2f3580687684f016833e786b8bf54f03232343a6a25c9bccccc084f2fb50cccff40ca118dfbf885eacaa0650be641b240413c49637edd70af3092b5938c7f1f296cc77566d929155b85e996d577e68f050ccca29ca767bec5fbaded32df33698633297959700866e530e4a9defe440d88cad71b766e9797d0b3dbe7a3f2464734217b11545696c2d2d222b514b9565de55c1cbb6a25c9bccccc084f2fb50cccff40ca118dfbf885eacaa0650be641b240413c49637edd70af3092b5938c7f1f296cc77566d929155b85e996d577e68f050ccca27042ec90a474e81960694497ca04a91aa599556bea953617c7b363239d27d55e65');
INSERT INTO public.metainfo VALUES (4, '\x64353a66696c65736c64363a6c656e677468693130303665343a706174686c373ac39672646e657231313a446174656920362e747874656564363a6c656e677468693130303265343a706174686c373ac39672646e657231313a446174656920322e747874656564363a6c656e677468693130303065343a706174686c373ac39672646e657231313a446174656920302e747874656564363a6c656e677468693130313165343a706174686c373ac39672646e657231323a44617465692031312e747874656564363a6c656e677468693130303765343a706174686c373ac39672646e657231313a446174656920372e747874656564363a6c656e677468693130303365343a706174686c373ac39672646e657231313a446174656920332e747874656564363a6c656e677468693130303865343a706174686c373ac39672646e657231313a446174656920382e747874656564363a6c656e677468693130303165343a706174686c373ac39672646e657231313a446174656920312e747874656564363a6c656e677468693130303965343a706174686c373ac39672646e657231313a446174656920392e747874656564363a6c656e677468693130303565343a706174686c373ac39672646e657231313a446174656920352e747874656564363a6c656e677468693130303465343a706174686c373ac39672646e657231313a446174656920342e747874656564363a6c656e677468693130313065343a706174686c373ac39672646e657231323a44617465692031302e747874656565343a6e616d65393ac39c6ec3af636f646531323a7069656365206c656e67746869313633383465363a70696563657332303a1ccfeecf2516ad5b8f6cb71865110c34353587f1373a7072697661746569316565', NULL);


--
-- Data for Name: report_streams; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.report_streams VALUES (2557907796359099771, 3, '2026-11-30 20:36:48.562392+00');


--
-- Data for Name: roles; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.roles VALUES ('administrator', 'Manages members and their roles, and may do all that a moderator may');
INSERT INTO public.roles VALUES ('moderator', 'Edits and deletes any torrent and sees who is connected');
INSERT INTO public.roles VALUES ('inviter', 'Creates invites');


--
-- Data for Name: schema_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.schema_migrations VALUES (1, 'initial', '2026-11-30 20:36:41.33525+00');
INSERT INTO public.schema_migrations VALUES (2, 'accounting', '2026-11-30 20:36:41.33525+00');


--
-- Data for Name: sessions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sessions OVERRIDING SYSTEM VALUE VALUES ('\xbdcb1a6e7fcde993454a4e3d171bf3569abbe039b15a684c0cfbba794ea62736', 1, 1, '{"csrf": "hJzsfMW0hBTPsvjDMZutcftHhftmWp507wo_hGkjsgI"}', 'test', '2026-11-30 20:36:41.65313+00', '2026-11-30 20:36:41.655872+00', '2126-11-06 20:36:41.655562+00');
INSERT INTO public.sessions OVERRIDING SYSTEM VALUE VALUES ('\xefd84fb28205063e752df894736f046baeb951c557bdff41ec6621624a4248f2', 2, 2, '{"csrf": "6F4sQlp5xxurl4ulhGkFX0eb2Bg9Ikyvpm1W15g88jI"}', 'test', '2026-11-30 20:36:41.75338+00', '2026-11-30 20:36:41.754598+00', '2126-11-06 20:36:41.754499+00');
INSERT INTO public.sessions OVERRIDING SYSTEM VALUE VALUES ('\xbe386bd500748aa990fde54d2adc87b86a34bd2709fb34a963a86cd69aed0e98', 3, 3, '{"csrf": "hK7pkKPJQdWPHZq1YHlk1SQ8vMchQxhNXMwrZQ9FGuM"}', 'test', '2026-11-30 20:36:41.859823+00', '2026-11-30 20:36:41.860981+00', '2126-11-06 20:36:41.86089+00');
INSERT INTO public.sessions OVERRIDING SYSTEM VALUE VALUES ('\x0f851381a2b3c958e7ba67b7ba2b7a670717300e56e13d878aec390331e01c61', 4, 4, '{"csrf": "YN5tYkJm_n_9PEjK7x7j7gC4r3FsbgKPfld2x9obqOQ"}', 'test', '2026-11-30 20:36:41.956785+00', '2026-11-30 20:36:41.95757+00', '2126-11-06 20:36:41.957492+00');
INSERT INTO public.sessions OVERRIDING SYSTEM VALUE VALUES ('\x34a705a564b1a6d0e5e4159343287cfb20b7f4db16985923ae98ccacfac1bb2c', 6, 6, '{"csrf": "_GNxQHjgXXgqRRBw-_B2NI_ebmr_hzQOWI-V1OKV--8"}', 'test', '2026-11-30 20:36:42.139606+00', '2026-11-30 20:36:42.143973+00', '2126-11-06 20:36:42.143878+00');


--
-- Data for Name: title_words; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.title_words VALUES ('file', '{fie,fil,file,fle,ile}');
INSERT INTO public.title_words VALUES ('single', '{ingle,sigle,singe,singl,single,sinle,sngle}');
INSERT INTO public.title_words VALUES ('second', '{econd,scond,secnd,secod,secon,second,seond}');
INSERT INTO public.title_words VALUES ('version', '{ersion,verion,versin,versio,version,verson,vesion,vrsion}');
INSERT INTO public.title_words VALUES ('both', '{boh,bot,both,bth,oth}');
INSERT INTO public.title_words VALUES ('once', '{nce,oce,onc,once,one}');
INSERT INTO public.title_words VALUES ('versions', '{ersions,verions,versins,version,versions,versios,versons,vesions,vrsions}');
INSERT INTO public.title_words VALUES ('unicode', '{nicode,uicode,uncode,unicde,unicod,unicode,unicoe,uniode}');
INSERT INTO public.title_words VALUES ('deleted', '{deeted,deleed,deletd,delete,deleted,delted,dleted,eleted}');
INSERT INTO public.title_words VALUES ('later', '{ater,laer,late,later,latr,lter}');
INSERT INTO public.title_words VALUES ('changed', '{canged,chaged,chaned,changd,change,changed,chnged,hanged}');
INSERT INTO public.title_words VALUES ('title', '{itle,tile,tite,titl,title,ttle}');
INSERT INTO public.title_words VALUES ('with', '{ith,wih,wit,with,wth}');


--
-- Data for Name: torrent_counts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.torrent_counts VALUES (2, 1, 1);
INSERT INTO public.torrent_counts VALUES (3, 2, 0);
INSERT INTO public.torrent_counts VALUES (1, 3, 0);
INSERT INTO public.torrent_counts VALUES (4, 0, 0);


--
-- Data for Name: torrent_history; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: torrents; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.torrents OVERRIDING SYSTEM VALUE VALUES (2, NULL, '\xb310b625e8b556f8466b30d683681532d63e53686ca50fc36d82a0dba6da0f14', DEFAULT, 'Second version', 'All of **it** in version 2.', NULL, 240000, 2, 4, '2026-11-30 20:36:42.250197+00', 0, '''dat'':5 ''folder'':3 ''one'':6 ''second'':1A ''two'':4 ''txt'':7 ''version'':2A');
INSERT INTO public.torrents OVERRIDING SYSTEM VALUE VALUES (4, '\xdd635e00ddce21c435e1a2fbf9acb4cb09846a71', NULL, DEFAULT, 'Ünïcode with a changed title', 'Changed, too.', NULL, 12066, 12, 4, '2026-11-30 20:36:42.289569+00', 0, '''0'':16 ''1'':36 ''10'':52 ''11'':20 ''2'':12 ''3'':28 ''4'':48 ''5'':44 ''6'':8 ''7'':24 ''8'':32 ''9'':40 ''a'':3A ''changed'':4A ''datei'':7,11,15,19,23,27,31,35,39,43,47,51 ''ordner'':6,10,14,18,22,26,30,34,38,42,46,50 ''title'':5A ''txt'':9,13,17,21,25,29,33,37,41,45,49,53 ''unicode'':1A ''with'':2A');
INSERT INTO public.torrents OVERRIDING SYSTEM VALUE VALUES (1, '\x188d05d69d607f7da712534ba0928bf166aa8b66', NULL, DEFAULT, 'Single file.bin', '', NULL, 300000, 1, 4, '2026-11-30 20:36:42.210601+00', 2, '''bin'':3A,6 ''file'':2A,5 ''single'':1A,4');
INSERT INTO public.torrents OVERRIDING SYSTEM VALUE VALUES (3, '\x8eb1f437fb901e017c4c2493bc2f9b49b053d7ca', '\x3007415a25ceff889b20465827497762e8608bf9dac55212c0196f4096b2a189', DEFAULT, 'Both versions at once', '# Heading

- a list
- of [links](https://example.org/)', '{"tags": ["test", "größe"], "year": 1999, "rating": 4.5}', 175001, 3, 3, '2026-11-30 20:36:42.281508+00', 1, '''a'':5 ''at'':3A ''b'':7,10 ''bin'':9,12 ''both'':1A ''c'':8 ''d'':11 ''once'':4A ''txt'':6 ''versions'':2A');


--
-- Data for Name: transfers; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.transfers VALUES (2, 2, 0, 65536, 0, 3, 174464, false, '2026-11-30 20:36:42+00', '2026-11-30 20:36:45+00', NULL, 0, NULL);
INSERT INTO public.transfers VALUES (3, 1, 50000, 300000, 0, 3, 0, false, '2026-11-30 20:36:42+00', '2026-11-30 20:36:45+00', '2026-11-30 20:36:45+00', 0, NULL);
INSERT INTO public.transfers VALUES (3, 3, 175001, 0, 3, 0, 0, false, '2026-11-30 20:36:42+00', '2026-11-30 20:36:45+00', NULL, 0, NULL);
INSERT INTO public.transfers VALUES (4, 1, 530000, 0, 3, 0, 0, false, '2026-11-30 20:36:42+00', '2026-11-30 20:36:45+00', NULL, 0, NULL);
INSERT INTO public.transfers VALUES (4, 2, 65536, 0, 3, 0, 0, false, '2026-11-30 20:36:42+00', '2026-11-30 20:36:45+00', NULL, 0, NULL);
INSERT INTO public.transfers VALUES (6, 3, 7, 175001, 0, 3, 0, false, '2026-11-30 20:36:42+00', '2026-11-30 20:36:45+00', '2026-11-30 20:36:45+00', 0, NULL);
INSERT INTO public.transfers VALUES (4, 4, 0, 0, 6, 0, 0, true, '2026-11-30 20:36:42+00', '2026-11-30 20:36:48+00', NULL, 0, NULL);
INSERT INTO public.transfers VALUES (5, 1, 0, 30000, 0, 6, 270000, true, '2026-11-30 20:36:42+00', '2026-11-30 20:36:48+00', NULL, 0, NULL);
INSERT INTO public.transfers VALUES (6, 1, 54321, 300000, 0, 6, 0, false, '2026-11-30 20:36:42+00', '2026-11-30 20:36:48+00', '2026-11-30 20:36:48+00', 0, NULL);


--
-- Data for Name: user_roles; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.user_roles VALUES (1, 'administrator');
INSERT INTO public.user_roles VALUES (1, 'inviter');
INSERT INTO public.user_roles VALUES (2, 'moderator');
INSERT INTO public.user_roles VALUES (3, 'inviter');


--
-- Data for Name: user_totals; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.user_totals VALUES (2, 0, 65536, 0, 3);
INSERT INTO public.user_totals VALUES (3, 225001, 300000, 3, 3);
INSERT INTO public.user_totals VALUES (4, 695536, 0, 18, 0);
INSERT INTO public.user_totals VALUES (5, 0, 30000, 0, 6);
INSERT INTO public.user_totals VALUES (6, 56828, 575001, 3, 12);


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES (1, 'ann', '$argon2id$v=19$m=19456,t=2,p=1$MFTQMnLSplGgCFp/AFZSVg$P34MbmU5zYO8+iH5WjAHJu4JuHsEJVKNkD6VOBPb6l4', 0, NULL, '2026-11-30 20:36:41.563217+00', NULL);
INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES (3, 'ivy', '$argon2id$v=19$m=19456,t=2,p=1$P1sw9PeZRufABC8sAgQg0w$ft2cEzbGhIlw3wBILrdyJdb4GwBie9SOSwPJ5N/74Co', 0, NULL, '2026-11-30 20:36:41.815296+00', NULL);
INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES (4, 'Una', '$argon2id$v=19$m=19456,t=2,p=1$K/iWjSvzZpmPj2RU1TJuNQ$aGZWds5su16qQhMfpFW8t1X0fYaS8i2lPOcjqC/U9+w', 0, NULL, '2026-11-30 20:36:41.918901+00', NULL);
INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES (6, 'pat', '$argon2id$v=19$m=19456,t=2,p=1$T+LURXBiRmd2I8hJ+7VT4w$JVLtXyLqGRDy5RhZ8n0ig3RMAYqB+jAWPKzH51Wiys0', 0, 3, '2026-11-30 20:36:42.08987+00', NULL);
INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES (2, 'mod', '$argon2id$v=19$m=19456,t=2,p=1$k98Oc0CZaFrwO7qOmy3zdg$AmPhFNLUAcWH9pwVhEceaYDLz+9a57NKnhindItda10', 1, NULL, '2026-11-30 20:36:41.711434+00', NULL);
INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES (5, 'dis', '$argon2id$v=19$m=19456,t=2,p=1$LGfsf6CUlUdbOaHbDZeNXQ$00540O/2jCz3j3cXc5VLOpf40LcXu0n6l/1A5U5WAWU', 0, NULL, '2026-11-30 20:36:42.007507+00', '2026-11-30 20:36:48.686612+00');


--
-- Name: api_tokens_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.api_tokens_id_seq', 1, true);


--
-- Name: invites_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.invites_id_seq', 5, true);


--
-- Name: sessions_public_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.sessions_public_id_seq', 6, true);


--
-- Name: torrents_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.torrents_id_seq', 5, true);


--
-- Name: users_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.users_id_seq', 6, true);


--
-- Name: api_tokens api_tokens_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (id);


--
-- Name: files files_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.files
    ADD CONSTRAINT files_pkey PRIMARY KEY (torrent_id, "position");


--
-- Name: history_days history_days_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.history_days
    ADD CONSTRAINT history_days_pkey PRIMARY KEY (day);


--
-- Name: invites invites_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.invites
    ADD CONSTRAINT invites_pkey PRIMARY KEY (id);


--
-- Name: metainfo metainfo_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.metainfo
    ADD CONSTRAINT metainfo_pkey PRIMARY KEY (torrent_id);


--
-- Name: report_streams report_streams_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.report_streams
    ADD CONSTRAINT report_streams_pkey PRIMARY KEY (epoch);


--
-- Name: roles roles_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT roles_pkey PRIMARY KEY (name);


--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);


--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (id);


--
-- Name: sessions sessions_public_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_public_id_key UNIQUE (public_id);


--
-- Name: title_words title_words_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.title_words
    ADD CONSTRAINT title_words_pkey PRIMARY KEY (word);


--
-- Name: torrent_counts torrent_counts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.torrent_counts
    ADD CONSTRAINT torrent_counts_pkey PRIMARY KEY (torrent_id);


--
-- Name: torrent_history torrent_history_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.torrent_history
    ADD CONSTRAINT torrent_history_pkey PRIMARY KEY (torrent_id, day);


--
-- Name: torrents torrents_info_hash_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.torrents
    ADD CONSTRAINT torrents_info_hash_unique UNIQUE (info_hash);


--
-- Name: torrents torrents_info_hash_v1_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.torrents
    ADD CONSTRAINT torrents_info_hash_v1_unique UNIQUE (info_hash_v1);


--
-- Name: torrents torrents_info_hash_v2_unique; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.torrents
    ADD CONSTRAINT torrents_info_hash_v2_unique UNIQUE (info_hash_v2);


--
-- Name: torrents torrents_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.torrents
    ADD CONSTRAINT torrents_pkey PRIMARY KEY (id);


--
-- Name: transfers transfers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transfers
    ADD CONSTRAINT transfers_pkey PRIMARY KEY (user_id, torrent_id);


--
-- Name: user_roles user_roles_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_roles
    ADD CONSTRAINT user_roles_pkey PRIMARY KEY (user_id, role);


--
-- Name: user_totals user_totals_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_totals
    ADD CONSTRAINT user_totals_pkey PRIMARY KEY (user_id);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);


--
-- Name: api_tokens_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX api_tokens_user ON public.api_tokens USING btree (user_id);


--
-- Name: invites_creator; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX invites_creator ON public.invites USING btree (created_by, id);


--
-- Name: sessions_expiry; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_expiry ON public.sessions USING btree (expires_at);


--
-- Name: sessions_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_user ON public.sessions USING btree (user_id);


--
-- Name: title_words_variants; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX title_words_variants ON public.title_words USING gin (variants);


--
-- Name: torrent_counts_by_leechers; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX torrent_counts_by_leechers ON public.torrent_counts USING btree (leechers, torrent_id);


--
-- Name: torrent_counts_by_seeders; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX torrent_counts_by_seeders ON public.torrent_counts USING btree (seeders, torrent_id);


--
-- Name: torrent_history_by_day; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX torrent_history_by_day ON public.torrent_history USING btree (day);


--
-- Name: torrents_by_age; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX torrents_by_age ON public.torrents USING brin (id) WITH (pages_per_range='16');


--
-- Name: torrents_by_file_count; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX torrents_by_file_count ON public.torrents USING btree (file_count, id);


--
-- Name: torrents_by_size; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX torrents_by_size ON public.torrents USING btree (size, id);


--
-- Name: torrents_by_snatched; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX torrents_by_snatched ON public.torrents USING btree (snatched, id);


--
-- Name: torrents_by_title; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX torrents_by_title ON public.torrents USING btree (lower(title), id);


--
-- Name: torrents_info_hash_v2_short; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX torrents_info_hash_v2_short ON public.torrents USING btree (SUBSTRING(info_hash_v2 FROM 1 FOR 20));


--
-- Name: torrents_search; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX torrents_search ON public.torrents USING gin (search);


--
-- Name: torrents_uploader; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX torrents_uploader ON public.torrents USING btree (uploader_id, id);


--
-- Name: transfers_of_torrent; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX transfers_of_torrent ON public.transfers USING btree (torrent_id, snatched_at, user_id);


--
-- Name: transfers_of_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX transfers_of_user ON public.transfers USING btree (user_id, first_seen_at, torrent_id);


--
-- Name: user_roles_role; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX user_roles_role ON public.user_roles USING btree (role);


--
-- Name: users_name_unique; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX users_name_unique ON public.users USING btree (lower(name));


--
-- Name: torrents end_counts; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER end_counts AFTER DELETE ON public.torrents FOR EACH ROW EXECUTE FUNCTION public.end_counts();


--
-- Name: torrents learn_words; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER learn_words AFTER INSERT OR UPDATE OF title ON public.torrents FOR EACH ROW EXECUTE FUNCTION public.learn_words();


--
-- Name: torrents start_counts; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER start_counts AFTER INSERT ON public.torrents FOR EACH ROW EXECUTE FUNCTION public.start_counts();


--
-- Name: torrents torrent_added_or_deleted; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER torrent_added_or_deleted AFTER INSERT OR DELETE ON public.torrents FOR EACH ROW EXECUTE FUNCTION public.tell_tracker('torrent');


--
-- Name: users user_added_or_deleted; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER user_added_or_deleted AFTER INSERT OR DELETE ON public.users FOR EACH ROW EXECUTE FUNCTION public.tell_tracker('user');


--
-- Name: users user_changed; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER user_changed AFTER UPDATE OF key_version, disabled_at ON public.users FOR EACH ROW EXECUTE FUNCTION public.tell_tracker('user');


--
-- Name: api_tokens api_tokens_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: files files_torrent_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.files
    ADD CONSTRAINT files_torrent_id_fkey FOREIGN KEY (torrent_id) REFERENCES public.torrents(id) ON DELETE CASCADE;


--
-- Name: invites invites_claimed_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.invites
    ADD CONSTRAINT invites_claimed_by_fkey FOREIGN KEY (claimed_by) REFERENCES public.users(id) ON DELETE SET NULL;


--
-- Name: invites invites_created_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.invites
    ADD CONSTRAINT invites_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: metainfo metainfo_torrent_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.metainfo
    ADD CONSTRAINT metainfo_torrent_id_fkey FOREIGN KEY (torrent_id) REFERENCES public.torrents(id) ON DELETE CASCADE;


--
-- Name: sessions sessions_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: torrent_history torrent_history_torrent_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.torrent_history
    ADD CONSTRAINT torrent_history_torrent_id_fkey FOREIGN KEY (torrent_id) REFERENCES public.torrents(id) ON DELETE CASCADE;


--
-- Name: torrents torrents_uploader_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.torrents
    ADD CONSTRAINT torrents_uploader_id_fkey FOREIGN KEY (uploader_id) REFERENCES public.users(id) ON DELETE SET NULL;


--
-- Name: transfers transfers_torrent_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transfers
    ADD CONSTRAINT transfers_torrent_id_fkey FOREIGN KEY (torrent_id) REFERENCES public.torrents(id) ON DELETE CASCADE;


--
-- Name: transfers transfers_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transfers
    ADD CONSTRAINT transfers_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: user_roles user_roles_role_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_roles
    ADD CONSTRAINT user_roles_role_fkey FOREIGN KEY (role) REFERENCES public.roles(name);


--
-- Name: user_roles user_roles_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_roles
    ADD CONSTRAINT user_roles_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: user_totals user_totals_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.user_totals
    ADD CONSTRAINT user_totals_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: users users_invited_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_invited_by_fkey FOREIGN KEY (invited_by) REFERENCES public.users(id) ON DELETE SET NULL;


--
-- PostgreSQL database dump complete
--


