-- Goal: a false alarm has a recorded way out that keeps no text and can end.
-- Method: allow a text, look at what is stored, ask what the guard asks, end it.
CREATE EXTENSION hipaa_guard;
SET search_path = hipaa_guard;
SELECT allow_text('John Smith Memorial Wing', 'comment', 'name of a building');
SELECT id, surface, reason, expires_at, in_force, length(digest) FROM allowed;
SELECT count(*) AS holds_text FROM allowed_text a WHERE a::text LIKE '%Smith%';
SELECT use_allowed('John Smith Memorial Wing', 'comment') AS there,
       use_allowed('John Smith Memorial Wing', 'column name') AS elsewhere,
       use_allowed('John Smith', 'comment') AS another;
SELECT allow_text('Young Brown', '*', 'a colour', now() + interval '1 hour');
SELECT use_allowed('Young Brown', 'column name');
SELECT disallow_text(1);
SELECT use_allowed('John Smith Memorial Wing', 'comment');
SELECT disallow_text(1);
SELECT allow_text(NULL, '*', 'r');
SELECT allow_text('', '*', 'r');
SELECT allow_text('x', '*', ' ');
SELECT allow_text('x', '*', 'late', now() - interval '1 hour');
