-- What decides how Postgres writes a definition down, the same for everyone who asks.
set local search_path = pg_catalog, pg_temp;
set local quote_all_identifiers = off;
set local standard_conforming_strings = on;
set local intervalstyle = 'postgres';
set local datestyle = 'ISO, MDY';
set local timezone = 'UTC';
set local extra_float_digits = 1;
set local bytea_output = 'hex';
-- Postgres guesses that the description is dear, and would compile it for longer than it runs.
set local jit = off;
