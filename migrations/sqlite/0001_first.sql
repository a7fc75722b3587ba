-- The first schema. Rows of the log lie in offset order, so a batch appends in one place; the one scattered index is
-- (conversation, seq), and the key of a send begins with the sender's UUIDv7, so that keys of a batch lie together.

-- One row: the identity of the store.
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,             -- random, positive; cursors of another epoch are void
    request_key BLOB NOT NULL,          -- 32 random bytes: the key of sends.request_hash
    auth_mode TEXT NOT NULL,            -- 'password' or 'trust': how the first account was made
    last_offset INTEGER NOT NULL        -- the end of the log; state rows take offsets, too
) STRICT;

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    password TEXT,                      -- PHC string; NULL in auth mode trust
    created_ms INTEGER NOT NULL,
    seen_ms INTEGER                     -- when the last stream ended
) STRICT;

CREATE TABLE devices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id),
    token_hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    cursor_offset INTEGER               -- NULL: never acknowledged
) STRICT;
CREATE INDEX devices_of_user ON devices (user_id, seen_ms);

CREATE TABLE conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind INTEGER NOT NULL,              -- 1 direct
    low_user_id INTEGER NOT NULL,       -- direct: the pair, sorted; twice the same for notes to self
    high_user_id INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    last_offset INTEGER NOT NULL        -- of the last event that all members read
) STRICT;
CREATE UNIQUE INDEX direct_pair ON conversations (low_user_id, high_user_id) WHERE kind = 1;

CREATE TABLE members (
    user_id INTEGER NOT NULL,
    conversation_id INTEGER NOT NULL,
    joined_offset INTEGER NOT NULL,     -- reads what lies after it
    read_seq INTEGER NOT NULL,
    read_offset INTEGER NOT NULL,       -- of the last change, for the own devices
    shown_seq INTEGER NOT NULL,         -- what others were told of read_seq
    shown_offset INTEGER NOT NULL,
    shown_ms INTEGER NOT NULL,
    sent INTEGER NOT NULL,              -- own messages
    sent_at_read INTEGER NOT NULL,      -- own messages up to read_seq
    PRIMARY KEY (user_id, conversation_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_of_conversation ON members (conversation_id);
CREATE INDEX members_not_shown ON members (conversation_id) WHERE shown_seq < read_seq;

-- The log: every event in commit order. Events of one user alone have conversation_id = -user_id.
CREATE TABLE log (
    offset INTEGER PRIMARY KEY,
    conversation_id INTEGER NOT NULL,
    seq INTEGER,                        -- messages only
    kind INTEGER NOT NULL,              -- 1 message, 2 conversation changed
    subject_id INTEGER NOT NULL,        -- message: its sender; conversation changed: the conversation
    sent_ms INTEGER,
    client_id BLOB,
    body TEXT
) STRICT;
CREATE UNIQUE INDEX log_seq ON log (conversation_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX log_events ON log (conversation_id, offset) WHERE seq IS NULL;

-- What was acknowledged, for repeats. Lives longer than the message.
CREATE TABLE sends (
    client_id BLOB NOT NULL,
    user_id INTEGER NOT NULL,
    request_hash BLOB NOT NULL,         -- 16 bytes, keyed: of the target as given and the text
    conversation_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    sent_ms INTEGER NOT NULL,
    PRIMARY KEY (client_id, user_id)
) STRICT, WITHOUT ROWID;
