-- What each role may do. Applied after every migration; what is not granted here is taken away.

revoke all on schema public from public, webapi, tracker;
revoke all on all tables in schema public from public, webapi, tracker;
do $$
begin
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to webapi, tracker', current_database());
end $$;

-- Large objects need no table to be written. On a server of somebody else's these functions are not ours to guard.
do $$
begin
    revoke execute on function lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) from public;
exception
    when insufficient_privilege then null;
end $$;

grant usage on schema public to webapi, tracker;

grant select on schema_migrations, roles, role_permissions to webapi;
grant select, insert, update, delete on
    users, user_roles, sessions, api_tokens, feed_keys, invites, torrents, metainfo, files, torrent_counts, title_words,
    password_resets, report_streams, transfers, user_totals, history_days, torrent_history, member_changes,
    forgotten_words to webapi;

-- The announce path: who may announce what, and how often it was snatched. No password, no session, no write.
grant select (version) on schema_migrations to tracker;
grant select (id, key_version, key_nonce, former_key_nonce, disabled_at) on users to tracker;
grant select (id, info_hash_v1, info_hash_v2, info_hash, snatched) on torrents to tracker;
