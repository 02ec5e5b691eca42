-- The permissions of each role of `infra::config::roles()`. Applied after every migration. What is not granted here is
-- revoked.

revoke all on schema public from public;
revoke all on all tables in schema public from public;
do $$
declare
    name text;
begin
    execute format('revoke all on database %I from public', current_database());
    foreach name in array string_to_array(current_setting('fairywren.roles'), ',') loop
        execute format('revoke all on schema public from %I', name);
        execute format('revoke all on all tables in schema public from %I', name);
        execute format('grant connect on database %I to %I', current_database(), name);
        execute format('grant usage on schema public to %I', name);
    end loop;
end $$;

-- By default every role may create large objects. Only the functions' owner can revoke that, which on servers run by
-- others is not the owner of this database.
do $$
begin
    revoke execute on function lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) from public;
exception
    when insufficient_privilege then null;
end $$;

grant select on schema_migrations, roles, role_permissions to webapi;
grant select, insert, update, delete on
    users, user_roles, sessions, api_tokens, feed_keys, invites, torrents, metainfo, files, torrent_counts, title_words,
    password_resets, report_streams, transfers, user_totals, history_days, torrent_history, member_changes,
    forgotten_words to webapi;

-- The tracker reads only what announces need: members with versions and nonces of their keys, torrents with their
-- snatches. It cannot read passwords or sessions, and cannot write.
grant select (version) on schema_migrations to tracker;
grant select (id, key_version, key_nonce, former_key_nonce, disabled_at) on users to tracker;
grant select (id, info_hash_v1, info_hash_v2, info_hash, snatched) on torrents to tracker;
