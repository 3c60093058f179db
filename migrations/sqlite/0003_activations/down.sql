DROP TABLE activation_components;
DROP TABLE activations;
