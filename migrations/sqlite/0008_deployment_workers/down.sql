ALTER TABLE deployments DROP COLUMN worker;
