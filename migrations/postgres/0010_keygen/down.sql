DROP TABLE keygen_machines;
ALTER TABLE tokens DROP COLUMN product;
DROP TABLE door_keys;
