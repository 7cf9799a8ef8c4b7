-- Which rows of the outbox belong to a case: a notice waits for the case's effects, after a restart as well.
CREATE INDEX case_notices_about ON case_notices (about);
