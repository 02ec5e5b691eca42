-- The two roles of the running processes. Passwords are set by who runs this: `webapi migrate` takes them from the
-- configuration for a role that it creates.

do $$
begin
    if not exists (select from pg_roles where rolname = 'webapi') then
        create role webapi login;
    end if;
    if not exists (select from pg_roles where rolname = 'tracker') then
        create role tracker login;
    end if;
exception
    -- Another database of the same server was migrated at the same moment.
    when duplicate_object or unique_violation then null;
end $$;
