-- Invite links, and whom a user blocks.

CREATE TABLE invite_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id INTEGER NOT NULL,
    code_hash BLOB NOT NULL UNIQUE,
    creator_id INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER,                 -- NULL: never
    uses_max INTEGER,                   -- NULL: any number
    uses INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX invite_links_of_conversation ON invite_links (conversation_id, id);

CREATE TABLE blocks (
    user_id INTEGER NOT NULL,           -- blocks
    blocked_id INTEGER NOT NULL,        -- this one
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX blocks_of_blocked ON blocks (blocked_id, user_id);

-- A state row in the row of the user.
ALTER TABLE users ADD COLUMN blocks_offset INTEGER NOT NULL DEFAULT 0;   -- of the last change
