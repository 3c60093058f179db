-- An estimate that nobody stated: Signet's own guess, which gives way to any date that is stated.
ALTER TABLE licenses ADD COLUMN expiry_guessed INTEGER NOT NULL DEFAULT 0
    CHECK (expiry_guessed = 0 OR (expiry_guessed = 1 AND expiry_kind = 'estimated'));
