-- Which claim is held: a random name that a worker gives itself each time. While it works it puts `next_at` off again and
-- again, which soon stops when it dies; a worker that was taken for dead finds another name here, or none.
ALTER TABLE deployments ADD COLUMN worker TEXT;
