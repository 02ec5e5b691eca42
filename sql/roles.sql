-- The roles of the running processes, named by `infra::config::roles()`. Passwords are set by who runs this: `webapi
-- migrate` takes them from the configuration for a role that it creates.

do $$
declare
    name text;
begin
    foreach name in array string_to_array(current_setting('fairywren.roles'), ',') loop
        begin
            if not exists (select from pg_roles where rolname = name) then
                execute format('create role %I login', name);
            end if;
        exception
            -- Another database of the same server was migrated at the same moment.
            when duplicate_object or unique_violation then null;
        end;
    end loop;
end $$;
