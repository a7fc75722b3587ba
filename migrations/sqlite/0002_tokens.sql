-- Devices that are tokens of bots, with scopes and an end.

ALTER TABLE devices ADD COLUMN kind INTEGER NOT NULL DEFAULT 1;     -- 1 login, 2 token
ALTER TABLE devices ADD COLUMN scopes INTEGER NOT NULL DEFAULT 7;   -- bits: 1 read, 2 send, 4 admin
ALTER TABLE devices ADD COLUMN expires_ms INTEGER;                  -- NULL: never
