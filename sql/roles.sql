-- The roles of the running processes. `webapi migrate` sets the password of a role that it creates, from the configuration.

do $$
begin
    if not exists (select from pg_roles where rolname = 'webapi') then
        create role webapi login;
    end if;
    if not exists (select from pg_roles where rolname = 'tracker') then
        create role tracker login;
    end if;
exception
    -- Another database of the same server was migrated at the same time.
    when duplicate_object or unique_violation then null;
end $$;
