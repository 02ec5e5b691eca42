-- What each role allows: roles are sets of permissions, whose words the program knows (`webapi/src/domain/permission.rs`).
-- A word that the program does not know allows nothing.
create table role_permissions (
    role       text not null references roles on delete cascade,
    permission text not null
        constraint role_permissions_form check (permission ~ '^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*$'),
    primary key (role, permission)
);

insert into role_permissions (role, permission) values
    ('moderator', 'torrent.edit_any'),
    ('moderator', 'torrent.view_snatches'),
    ('moderator', 'member.view_private'),
    ('moderator', 'member.reset_password'),
    ('moderator', 'swarm.view'),
    ('inviter', 'invite.create'),
    ('administrator', 'torrent.edit_any'),
    ('administrator', 'torrent.view_snatches'),
    ('administrator', 'member.view_private'),
    ('administrator', 'member.reset_password'),
    ('administrator', 'member.assign_roles'),
    ('administrator', 'member.disable'),
    ('administrator', 'invite.create'),
    ('administrator', 'invite.revoke_any'),
    ('administrator', 'swarm.view');
