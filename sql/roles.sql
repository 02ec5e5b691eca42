-- Creates the roles of the running processes; the setting `fairywren.roles` has the names of `infra::config::roles()`.
-- `webapi migrate` then sets the passwords of roles that it creates, from the configuration.

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
            -- A migration of another database on the same server created the role at the same time.
            when duplicate_object or unique_violation then null;
        end;
    end loop;
end $$;
