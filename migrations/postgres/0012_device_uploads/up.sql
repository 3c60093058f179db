-- Device licenses on their way to the marketplace, which asked for them and wants each uploaded. `next_at` is when it is tried
-- again, also by whoever takes over from a server that died while trying; without it nothing more is tried.
CREATE TABLE device_uploads (
    device_code_id TEXT NOT NULL,
    tries BIGINT NOT NULL,
    next_at BIGINT,
    delivered_at BIGINT,
    CONSTRAINT device_uploads_pkey PRIMARY KEY (device_code_id),
    CONSTRAINT device_uploads_code_fkey FOREIGN KEY (device_code_id) REFERENCES device_codes (id)
);

CREATE INDEX device_uploads_by_next_at ON device_uploads (next_at) WHERE next_at IS NOT NULL;

-- Those that were signed before there was an upload.
INSERT INTO device_uploads (device_code_id, tries, next_at, delivered_at)
SELECT id, 0, issued_at, NULL FROM device_codes;
