mod executable;
