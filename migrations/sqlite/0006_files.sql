-- Files: uploads that are under way, files, their contents, and which messages hold them. The bytes lie beside this file.
-- `log.touched` has one bit more: 1 `touches` knows more, 2 the message came with files. A row of the log keeps its size
-- when the first is set: 0 and 1 take no room at all, 2 and 3 one byte.

-- What comes of one has its number.
CREATE TABLE uploads (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT,                    -- as declared; NULL: nothing was
    size INTEGER NOT NULL,              -- bytes that will come
    hash BLOB,                          -- BLAKE3 that the whole must have; NULL: any
    width INTEGER,                      -- of a picture, in pixels; NULL: not said
    height INTEGER,
    thumbnail_id INTEGER,               -- the file that shows it small
    touched_ms INTEGER NOT NULL,        -- when something last came
    placed BLOB                         -- what its bytes are, if they have or are just given their place
) STRICT;
CREATE INDEX uploads_by_time ON uploads (touched_ms);
CREATE INDEX uploads_placed ON uploads (placed) WHERE placed IS NOT NULL;

CREATE TABLE files (
    id INTEGER PRIMARY KEY,             -- the number of its upload
    owner_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    hash BLOB NOT NULL,
    width INTEGER,
    height INTEGER,
    thumbnail_id INTEGER,
    holders INTEGER NOT NULL DEFAULT 0, -- messages that hold it, and files and uploads that it shows small
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX files_of_thumbnail ON files (thumbnail_id) WHERE thumbnail_id IS NOT NULL;
CREATE INDEX files_held_by_none ON files (created_ms) WHERE holders = 0;

-- What the files and uploads of a user count in all.
CREATE TABLE file_rooms (
    owner_id INTEGER PRIMARY KEY,
    bytes INTEGER NOT NULL,
    uploads INTEGER NOT NULL            -- how many are under way
) STRICT;

-- What lies on the disk, each content once.
CREATE TABLE contents (
    hash BLOB PRIMARY KEY,
    files INTEGER NOT NULL              -- how many have it; 0: its bytes are to be removed
) STRICT, WITHOUT ROWID;
CREATE INDEX contents_of_none ON contents (hash) WHERE files = 0;

-- The files of messages that were not deleted.
CREATE TABLE attachments (
    conversation_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    place INTEGER NOT NULL,             -- the order of the sender
    file_id INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, seq, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachments_of_file ON attachments (file_id, conversation_id, seq);
