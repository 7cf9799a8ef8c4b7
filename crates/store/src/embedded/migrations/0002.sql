-- The purse: what is set aside and spent in each budget, and which attempt drew on which.
CREATE TABLE budgets (
  key      TEXT PRIMARY KEY,
  reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  spent    INTEGER NOT NULL DEFAULT 0 CHECK (spent >= 0)
) WITHOUT ROWID;

CREATE TABLE reservations (
  turn    BLOB NOT NULL,
  step    INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  amount  INTEGER NOT NULL,
  budgets TEXT NOT NULL,                     -- a JSON list of their keys
  PRIMARY KEY (turn, step, attempt)
) WITHOUT ROWID;
