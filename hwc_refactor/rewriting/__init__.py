"""What a codemod is written with: the words that say where something goes and how it is put there."""
