"""Changes of files: MongoDB's change stream, one broadcaster in each process, and its subscribers."""
