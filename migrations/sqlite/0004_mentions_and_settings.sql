-- Who is mentioned in a message, and what a member sets for a conversation.

-- The mentions of the texts that messages have now: those of a text that was edited away or deleted are gone with it.
CREATE TABLE mentions (
    conversation_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,               -- the message
    place INTEGER NOT NULL,             -- the order in its text
    user_id INTEGER NOT NULL,           -- a member when the text was written; 0: everybody
    offset INTEGER NOT NULL,            -- of the message, also if it was edited
    sender_id INTEGER NOT NULL,         -- of the message: nobody is told of what he says himself
    PRIMARY KEY (conversation_id, seq, place)
) STRICT, WITHOUT ROWID;
-- All that is asked about mentions of a user stands in it, the newest message last.
CREATE INDEX mentions_of_user ON mentions (user_id, conversation_id, offset, sender_id);

-- A state row in the row of the member.
ALTER TABLE members ADD COLUMN marked_unread INTEGER NOT NULL DEFAULT 0;    -- 1: put aside as unread
ALTER TABLE members ADD COLUMN notify INTEGER NOT NULL DEFAULT 1;           -- 1 all, 2 mentions, 3 none
ALTER TABLE members ADD COLUMN notify_until_ms INTEGER;                     -- NULL: it stays
ALTER TABLE members ADD COLUMN settings_offset INTEGER NOT NULL DEFAULT 0;  -- of the last change
