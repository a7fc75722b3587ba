-- Groups and channels with roles, times of membership and bans; what is done to messages: edits, deletions, reactions.

ALTER TABLE conversations ADD COLUMN name TEXT;                             -- NULL for direct
ALTER TABLE conversations ADD COLUMN topic TEXT NOT NULL DEFAULT '';
ALTER TABLE conversations ADD COLUMN history INTEGER NOT NULL DEFAULT 1;    -- for joiners: 1 since they joined, 2 all
ALTER TABLE conversations ADD COLUMN open_from_seq INTEGER NOT NULL DEFAULT 0;  -- all: since it was set, after this
ALTER TABLE conversations ADD COLUMN members_count INTEGER NOT NULL DEFAULT 0;  -- not kept for direct
CREATE UNIQUE INDEX channel_name ON conversations (name) WHERE kind = 3;

ALTER TABLE members ADD COLUMN role INTEGER NOT NULL DEFAULT 3;             -- 1 owner, 2 admin, 3 member, 4 read-only
ALTER TABLE members ADD COLUMN floor_seq INTEGER NOT NULL DEFAULT 0;        -- reads messages after it
ALTER TABLE members ADD COLUMN joined_ms INTEGER NOT NULL DEFAULT 0;

-- Memberships that ended: what was committed while they lasted is still owed to the user's devices.
CREATE TABLE former_members (
    user_id INTEGER NOT NULL,
    left_offset INTEGER NOT NULL,       -- reads nothing after it
    conversation_id INTEGER NOT NULL,
    joined_offset INTEGER NOT NULL,
    floor_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,          -- of the conversation when it ended
    PRIMARY KEY (user_id, left_offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE bans (
    conversation_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    banned_ms INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, user_id)
) STRICT, WITHOUT ROWID;

-- The log again, with two columns more. Its rows hold texts, so none ever changes its size and none is deleted: a row that
-- moves to another page leaves a copy of itself behind. A text that is edited away or deleted is overwritten with as many
-- spaces where it stands. Kinds beside 1 and 2: 3 member changed, 4 message edited (body: the new text), 5 message
-- deleted, 6 reactions changed. Of 4, 5 and 6 only the row counts that `touches` points to.
CREATE TABLE log_with_touches (
    offset INTEGER PRIMARY KEY,
    conversation_id INTEGER NOT NULL,
    seq INTEGER,                        -- messages only
    kind INTEGER NOT NULL,
    subject_id INTEGER NOT NULL,        -- 1: its sender; 2: the conversation; 3: the member; 4, 5, 6: who did it
    sent_ms INTEGER,
    client_id BLOB,
    body TEXT,
    reply_to INTEGER,                   -- the seq that it answers
    touched INTEGER NOT NULL DEFAULT 0  -- 1: `touches` knows more
) STRICT;
INSERT INTO log_with_touches (offset, conversation_id, seq, kind, subject_id, sent_ms, client_id, body)
    SELECT offset, conversation_id, seq, kind, subject_id, sent_ms, client_id, body FROM log ORDER BY offset;
DROP TABLE log;
ALTER TABLE log_with_touches RENAME TO log;
CREATE UNIQUE INDEX log_seq ON log (conversation_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX log_events ON log (conversation_id, offset) WHERE seq IS NULL;

-- What was done to a message since it was sent.
CREATE TABLE touches (
    conversation_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    changed_offset INTEGER,             -- where its row of 4 or 5 stands
    reacted_offset INTEGER,             -- where its row of 6 stands
    PRIMARY KEY (conversation_id, seq)
) STRICT, WITHOUT ROWID;

-- What a row of the log that is no message says beside its subject.
CREATE TABLE happenings (
    offset INTEGER PRIMARY KEY,
    seq INTEGER,                        -- 4, 5, 6: the message
    actor_id INTEGER,                   -- 3: who did it
    change INTEGER,                     -- 3: 1 added, 2 joined, 3 left, 4 removed, 5 banned, 6 role
    role INTEGER,                       -- 3: the role after 1, 2, 6
    members_count INTEGER,              -- 2, 3: how many there were then
    name TEXT,                          -- 2: as it was then, for those who have left since
    topic TEXT
) STRICT;

CREATE TABLE reactions (
    conversation_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    given_offset INTEGER NOT NULL,      -- the order of what is shown
    PRIMARY KEY (conversation_id, seq, emoji, user_id)
) STRICT, WITHOUT ROWID;
