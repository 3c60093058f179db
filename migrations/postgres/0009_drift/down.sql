ALTER TABLE deployments DROP COLUMN before_gone;
ALTER TABLE deployments DROP COLUMN sighting;
ALTER TABLE deployments DROP COLUMN absences;
