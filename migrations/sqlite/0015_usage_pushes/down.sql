DROP TABLE usage_pushes;
