ALTER TABLE licenses DROP COLUMN expiry_guessed;
