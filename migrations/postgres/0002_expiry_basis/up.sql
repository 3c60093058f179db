-- An estimate that nobody stated: Signet's own guess, which gives way to any date that is stated.
ALTER TABLE licenses ADD COLUMN expiry_guessed BOOLEAN NOT NULL DEFAULT FALSE
    CONSTRAINT licenses_expiry_guessed_check CHECK (NOT expiry_guessed OR expiry_kind = 'estimated');
