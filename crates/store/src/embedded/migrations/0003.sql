-- Rows of one moment lie side by side, whichever room they are of: a commit writes few pages. What a room looks for
-- has one narrow index each.

-- The day of its room that a question counts for, whose clock may be its own; empty once that is long past.
ALTER TABLE turns ADD COLUMN day INTEGER;
UPDATE turns SET day = asked - asked % 86400000;
DROP INDEX turns_of_member;
DROP INDEX turns_with_words;
CREATE INDEX turns_of_day ON turns (room, day, member) WHERE day IS NOT NULL;

CREATE TABLE outbox_by_time (
  id      BLOB PRIMARY KEY,
  room    BLOB NOT NULL,
  turn    BLOB,
  part    INTEGER,
  account TEXT NOT NULL,
  sealed  BLOB NOT NULL,
  state   INTEGER NOT NULL,                  -- 0 queued, 1 claimed, 2 sent, 3 unknown, 4 dead
  due     INTEGER NOT NULL,                  -- queued, unknown: not before; claimed: until
  since   INTEGER,                           -- when it was last handed over
  sends   INTEGER NOT NULL DEFAULT 0,
  again   INTEGER NOT NULL DEFAULT 0,
  message TEXT,                              -- our label of it, once shown
  why     TEXT,
  created INTEGER NOT NULL,
  ended   INTEGER
) WITHOUT ROWID;
INSERT INTO outbox_by_time
  SELECT id, room, turn, part, account, sealed, state, due, since, sends, again, message, why, created, ended
  FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_by_time RENAME TO outbox;
CREATE INDEX outbox_waiting ON outbox (room, id) WHERE state IN (0, 1, 3);
CREATE UNIQUE INDEX outbox_of_turn ON outbox (turn, part) WHERE turn IS NOT NULL;
CREATE INDEX outbox_of_message ON outbox (room, message) WHERE message IS NOT NULL;
CREATE INDEX outbox_with_payload ON outbox (ended) WHERE sealed <> x'';
