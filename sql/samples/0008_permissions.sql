-- A member with each role, and a permission that only a later version knows.
insert into user_roles (user_id, role) select 1, name from roles on conflict do nothing;
insert into role_permissions (role, permission) values ('moderator', 'comment.delete_any');
