-- Rooms, people, what was heard, asked and said.
CREATE TABLE rooms (
  id           BLOB PRIMARY KEY,
  kind         INTEGER NOT NULL,             -- 0 group, 1 direct
  served       INTEGER NOT NULL DEFAULT 1,   -- ai on | off
  paused_until INTEGER,
  greeted      INTEGER NOT NULL DEFAULT 0,
  host         BLOB NOT NULL,
  fence        INTEGER NOT NULL,
  created      INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE addresses (
  account TEXT NOT NULL,
  chat    TEXT NOT NULL,
  room    BLOB NOT NULL REFERENCES rooms (id),
  PRIMARY KEY (account, chat)
) WITHOUT ROWID;
CREATE INDEX addresses_of_room ON addresses (room);

-- A member is a random number; forgetting somebody deletes the row and with it the link to a person.
CREATE TABLE members (
  key      INTEGER PRIMARY KEY AUTOINCREMENT,
  platform TEXT NOT NULL,
  id       TEXT NOT NULL,
  name     TEXT NOT NULL,
  random   BLOB NOT NULL DEFAULT (randomblob(16)),
  UNIQUE (platform, id)
);

CREATE TABLE inbox (
  key BLOB PRIMARY KEY,
  at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX inbox_by_age ON inbox (at);

CREATE TABLE history (
  room      BLOB NOT NULL,
  id        BLOB NOT NULL,
  account   TEXT NOT NULL,
  message   TEXT NOT NULL,
  member    INTEGER NOT NULL,
  text      TEXT NOT NULL,
  at        INTEGER NOT NULL,
  reason    INTEGER NOT NULL,
  reply_to  TEXT,
  mentions  INTEGER NOT NULL,
  addressed INTEGER NOT NULL,
  PRIMARY KEY (room, id)
) WITHOUT ROWID;
CREATE INDEX history_of_message ON history (room, message);

CREATE TABLE turns (
  id       BLOB PRIMARY KEY,
  room     BLOB NOT NULL,
  account  TEXT NOT NULL,
  chat     TEXT NOT NULL,
  message  TEXT NOT NULL,
  member   INTEGER NOT NULL,
  name     TEXT NOT NULL,                    -- empty once the turn has ended
  question TEXT NOT NULL,                    -- empty: refused, recalled or forgotten; then so is the answer
  answer   TEXT NOT NULL DEFAULT '',
  reply_to TEXT,
  asked    INTEGER NOT NULL,
  ended    INTEGER,
  reason   INTEGER,                          -- empty while the turn is open
  refused  INTEGER NOT NULL,                 -- 1: never counted against a limit
  released INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0,
  charter  TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX turns_open ON turns (room) WHERE reason IS NULL;
CREATE INDEX turns_of_member ON turns (member, room, asked);
CREATE INDEX turns_with_words ON turns (room, asked) WHERE question <> '';
CREATE INDEX turns_of_message ON turns (room, message);

CREATE TABLE outbox (
  room    BLOB NOT NULL,
  id      BLOB NOT NULL,
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
  ended   INTEGER,
  PRIMARY KEY (room, id)
) WITHOUT ROWID;
CREATE INDEX outbox_waiting ON outbox (room, id) WHERE state IN (0, 1, 3);
CREATE UNIQUE INDEX outbox_of_turn ON outbox (turn, part) WHERE turn IS NOT NULL;
CREATE INDEX outbox_of_message ON outbox (room, message) WHERE message IS NOT NULL;
CREATE INDEX outbox_with_payload ON outbox (ended) WHERE sealed <> x'';

CREATE TABLE ledger (
  turn  BLOB NOT NULL,                       -- empty for what belongs to no turn
  n     INTEGER NOT NULL,
  at    INTEGER NOT NULL,
  entry TEXT NOT NULL,
  PRIMARY KEY (turn, n)
) WITHOUT ROWID;

CREATE TABLE facts (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
