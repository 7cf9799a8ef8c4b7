-- The parlour's own log, and who is logged in at the console.
CREATE TABLE parlour_lines (
  room TEXT NOT NULL,
  id   INTEGER NOT NULL,                     -- the order everybody sees
  at   INTEGER NOT NULL,
  body TEXT NOT NULL,                        -- JSON; without words once it was recalled
  PRIMARY KEY (room, id)
) WITHOUT ROWID;

CREATE TABLE sessions (
  id     BLOB PRIMARY KEY,                   -- a hash: the id itself is the owner's alone
  csrf   TEXT NOT NULL,
  opened INTEGER NOT NULL,
  until  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_end ON sessions (until);
