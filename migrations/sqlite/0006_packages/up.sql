-- The packages of products: one row a version. The bytes lie in the package store under the digest; a row is
-- written only once they are there. `manifest` is what was signed for this version.
CREATE TABLE packages (
    product TEXT NOT NULL,
    version TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL CHECK (size > 0),
    file TEXT NOT NULL,
    min_version TEXT,
    kid TEXT NOT NULL,
    manifest TEXT NOT NULL,
    manifest_sha256 TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    expires_at INTEGER,
    withdrawn_at INTEGER,
    CONSTRAINT packages_pkey PRIMARY KEY (product, version)
) STRICT;
