-- Once, by somebody who may create schemas in the catalog: the lake's schema, its volumes, and who may do what.
CREATE SCHEMA IF NOT EXISTS main.gristmill COMMENT 'Curated corpus; every table and column has a comment';
CREATE VOLUME IF NOT EXISTS main.gristmill.raw COMMENT 'Files to ingest; a folder is a batch';
CREATE VOLUME IF NOT EXISTS main.gristmill.staging COMMENT 'Intermediate files, models, the report and exports';
-- The identity that runs the jobs.
GRANT USE CATALOG ON CATALOG main TO `gristmill-jobs`;
GRANT USE SCHEMA, CREATE TABLE, MODIFY, SELECT, READ VOLUME, WRITE VOLUME ON SCHEMA main.gristmill TO `gristmill-jobs`;
-- Analysts: reading never creates anything.
GRANT USE CATALOG ON CATALOG main TO `analysts`;
GRANT USE SCHEMA, SELECT ON SCHEMA main.gristmill TO `analysts`;
