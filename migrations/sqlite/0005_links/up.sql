-- Which version of a license's customer link is in force; a license without a row has version 1.
CREATE TABLE license_links (
    license_id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    rotated_at INTEGER NOT NULL,
    CONSTRAINT license_links_pkey PRIMARY KEY (license_id),
    CONSTRAINT license_links_license_fkey FOREIGN KEY (license_id) REFERENCES licenses (id)
) STRICT;
