-- What a look at the cloud found of a deployment's server. `absences`: answers in a row that knew no such server; `sighting`: what
-- the last look that somebody asked for found, JSON; `before_gone`: how it stood before it counted as gone, JSON.
ALTER TABLE deployments ADD COLUMN absences INTEGER NOT NULL DEFAULT 0 CHECK (absences >= 0);
ALTER TABLE deployments ADD COLUMN sighting TEXT;
ALTER TABLE deployments ADD COLUMN before_gone TEXT;
