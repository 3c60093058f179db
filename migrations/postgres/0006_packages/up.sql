-- The packages of products: one row a version. The bytes lie in the package store under the digest; a row is
-- written only once they are there. `manifest` is what was signed for this version.
CREATE TABLE packages (
    product TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL CHECK (size > 0),
    file TEXT NOT NULL,
    min_version TEXT,
    kid TEXT COLLATE "C" NOT NULL,
    manifest TEXT NOT NULL,
    manifest_sha256 TEXT COLLATE "C" NOT NULL,
    published_at BIGINT NOT NULL,
    expires_at BIGINT,
    withdrawn_at BIGINT,
    CONSTRAINT packages_pkey PRIMARY KEY (product, version)
);
