-- The house's rules at work: cases, rungs, versions of charters, and what was done by whom.

-- What its members are known by; empty until the room is opened by a release that knows of this.
ALTER TABLE rooms ADD COLUMN platform TEXT;

-- What the rules found in a line; it goes with the line.
ALTER TABLE history ADD COLUMN trail TEXT;

CREATE TABLE cases (
  id      BLOB PRIMARY KEY,
  room    BLOB NOT NULL,
  number  INTEGER NOT NULL,                  -- what people call it by, from 1 in each room
  kind    INTEGER NOT NULL,                  -- 0 acted, 1 flagged, 2 reported, 3 unable, 4 by hand
  began   INTEGER NOT NULL,                  -- a state
  state   INTEGER NOT NULL,                  -- 0 settled, 1 open, 2 appealed, 3 allowed, 4 denied, 5 expired
  message TEXT,                              -- empty: about no message, or its member was erased
  member  INTEGER NOT NULL,
  name    TEXT NOT NULL,                     -- evidence, as words and appeal are: empty once it is old or erased
  words   TEXT NOT NULL,
  what    TEXT NOT NULL,                     -- JSON, core's own, without anybody's words
  at      INTEGER NOT NULL,
  appeal  TEXT NOT NULL DEFAULT '',
  decider INTEGER,                           -- a member; with a state before and a time
  decided INTEGER,
  before  INTEGER,                           -- the state that a decision taken back leads to
  UNIQUE (room, number)
) WITHOUT ROWID;
CREATE INDEX cases_waiting ON cases (room, number) WHERE state IN (1, 2);
CREATE INDEX cases_decided ON cases (room, decided) WHERE decider IS NOT NULL;
CREATE INDEX cases_of_message ON cases (room, message, number) WHERE message IS NOT NULL;
CREATE INDEX cases_of_member ON cases (member, room, number);
CREATE INDEX cases_with_evidence ON cases (room, at) WHERE words <> '' OR name <> '' OR appeal <> '';

-- Which row of the outbox shows which case: who replies to it means that one.
CREATE TABLE case_notices (
  delivery BLOB PRIMARY KEY,
  about    BLOB NOT NULL
) WITHOUT ROWID;

-- Rungs that members stand on. Members and rules are hashes here.
CREATE TABLE marks (
  room  BLOB NOT NULL,
  who   BLOB NOT NULL,
  rule  BLOB NOT NULL,
  times INTEGER NOT NULL,
  last  INTEGER NOT NULL,
  PRIMARY KEY (room, who, rule)
) WITHOUT ROWID;

CREATE TABLE charters (
  scope   TEXT NOT NULL,                     -- such as charter/open table, or room/01…
  version INTEGER NOT NULL,                  -- from 1, written once
  at      INTEGER NOT NULL,
  author  TEXT NOT NULL,                     -- file, operator, or a member as the room sees them
  what    TEXT NOT NULL,
  body    TEXT NOT NULL,
  PRIMARY KEY (scope, version)
) WITHOUT ROWID;

-- Each row seals itself and the row before. Its number and hash stand in facts as well, under audit, so that a tail
-- that was cut off is missed.
CREATE TABLE audit (
  n         INTEGER PRIMARY KEY,             -- from 1, without gaps
  at        INTEGER NOT NULL,
  room      BLOB,
  by_whom   TEXT NOT NULL,                   -- house, operator, or members.random in hexadecimal
  did       TEXT NOT NULL,
  to_whom   TEXT,                            -- members.random in hexadecimal
  with_what TEXT NOT NULL,                   -- numbers and names of rules: nobody's words, names or ids
  prev      BLOB NOT NULL,                   -- the hash of the row before; of the first, zeros
  hash      BLOB NOT NULL                    -- SHA-256 of all the columns above
);
CREATE TRIGGER audit_is_never_edited BEFORE UPDATE ON audit
BEGIN SELECT RAISE (ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER audit_is_never_shortened BEFORE DELETE ON audit
BEGIN SELECT RAISE (ABORT, 'the audit log is only added to'); END;

-- Who was erased lately, as a hash for each room: what they said before is not learned again.
CREATE TABLE erased (
  room BLOB NOT NULL,
  who  BLOB NOT NULL,
  at   INTEGER NOT NULL,
  PRIMARY KEY (room, who)
) WITHOUT ROWID;
CREATE INDEX erased_by_age ON erased (at);

-- What an erased member had asked on that day, by a hash for the room: to be forgotten is no way to a new limit.
CREATE TABLE spent (
  day       INTEGER NOT NULL,
  room      BLOB NOT NULL,
  who       BLOB NOT NULL,
  questions INTEGER NOT NULL,
  noticed   INTEGER NOT NULL,                -- 1: told of the limit
  PRIMARY KEY (day, room, who)
) WITHOUT ROWID;
