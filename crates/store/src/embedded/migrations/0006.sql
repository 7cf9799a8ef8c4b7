-- Which rows of the outbox belong to a case: a notice waits for the case's effects, after a restart as well.
CREATE INDEX case_notices_about ON case_notices (about);

-- What is done to a room goes before what is said in it: spam stands there while answers wait for their turn.
ALTER TABLE outbox ADD COLUMN effect INTEGER NOT NULL DEFAULT 0;
CREATE INDEX outbox_effects ON outbox (room, id) WHERE effect = 1 AND state IN (0, 1, 3);
